"""What docs/metrics.md says of a service is what the running service serves."""

import re

import pytest

from metrics_page.page import PROCESS_TITLE, READINESS_TITLE, SERVICES, STREAMS_TITLE, Service, page
from support.processes import ServiceProcess
from support.redis_local import free_port


def told(title: str) -> set[tuple[str, str]]:
    """Name and type of every metric in that part of the page."""
    part = page().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \| (\w+) \|", part, re.MULTILINE))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_a_running_service_serves_the_metrics_that_the_page_tells_and_no_other(service: Service) -> None:
    # Neither Redis nor an exchange is there: a service serves its metrics all the same.
    nowhere = f"127.0.0.1:{free_port()}"
    env = {
        "REDIS_URL": f"redis://{nowhere}/0",
        "EXCHANGE_BASE_URL": f"http://{nowhere}",
        "EXCHANGE_API_KEY": "dummy",
        "EXCHANGE_API_SECRET": "dummy",
    }
    async with ServiceProcess(f"{service.name.replace('-', '_')}.main", env) as running:
        exposition = await running.metrics()

    served = set(re.findall(r"^# TYPE (\w+) (\w+)$", exposition, re.MULTILINE))
    expected = told(service.name) | told(PROCESS_TITLE) | told(READINESS_TITLE)
    expected |= told(STREAMS_TITLE) if service.reads_streams else set()
    assert {(name, kind) for name, kind in served if not name.endswith("_created")} == expected
