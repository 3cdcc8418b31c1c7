"""A run's spans leave as soon as its verdict is on record, and a collector that hangs holds up nothing."""

from contracts.flattening import RunVerdict
from support.otlp import OtlpReceiver
from support.processes import ServiceProcess
from support.requester import Requester

NEVER_BY_ITSELF = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}


async def test_the_spans_of_a_run_outlive_an_executor_that_is_killed_after_its_verdict(
    env: dict[str, str], governor: Requester
) -> None:
    async with OtlpReceiver() as collector:
        telemetry = {**NEVER_BY_ITSELF, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        async with ServiceProcess("flatten_executor.main", {**env, **telemetry}) as executor:
            await governor.request()
            completed = await governor.verdict()
            process = await collector.wait_span("process flatten.requested")
            executor.sigkill()
            await executor.wait()

        names = [span.name for span in collector.trace(process.trace_id)]
    assert completed.verdict is RunVerdict.FLAT
    assert process.attributes["flatguard.verdict"] == "flat"
    assert sum(name.startswith("order ") for name in names) == 44
    assert "send flatten.completed" in names


async def test_a_collector_that_hangs_holds_up_neither_the_next_run_nor_the_end(
    env: dict[str, str], governor: Requester
) -> None:
    async with OtlpReceiver(answer_after_s=3600) as collector:
        telemetry = {**NEVER_BY_ITSELF, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        async with ServiceProcess("flatten_executor.main", {**env, **telemetry}) as executor:
            await governor.request("arm-1")
            await governor.verdict()
            await executor.wait_line("telemetry could not be sent within 2 s")
            await governor.request("arm-2")
            completed = await governor.verdict(2)
            executor.sigterm()
            assert await executor.wait() == 0

    assert completed.verdict is RunVerdict.FLAT
