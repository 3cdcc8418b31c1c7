"""What the executor does with a request: begin, work, finish, tell."""

from contextlib import suppress

from msgspec import Struct
from redis.exceptions import RedisError

from authority.operators_file import OperatorsFile
from contracts.arming import FlattenRequested
from contracts.flattening import RunStarted
from contracts.vocabulary import Environment
from flatten_executor.core.admission import AdmissionCase, objections, standing_objections
from flatten_executor.lease import LeaseLost, RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import Permit, read_patiently
from flatten_executor.run import Run, Tools
from flatten_executor.store import Beginning, Begun, Store
from runtime.app import software_version
from runtime.errors import RetryableError
from runtime.health import Check
from runtime.streams import Entry


class Standing(Struct, frozen=True, kw_only=True):
    """What this executor is for."""

    account: str
    environment: Environment
    consumer_name: str
    live_allowed: bool
    request_max_age_ms: int
    config_hash: str = ""

    def objections(self) -> tuple[str, ...]:
        """Why every request will be refused, whatever it says; empty when not."""
        return standing_objections(self.environment, live_allowed=self.live_allowed)

    def check(self) -> Check:
        """For /readyz."""
        return Check.unless("; ".join(self.objections()))


class RequestHandlers:
    """Handles the entries of the request stream."""

    def __init__(
        self, store: Store, tools: Tools, standing: Standing, operators: OperatorsFile, observer: Observer
    ) -> None:
        self._store = store
        self._tools = tools
        self._standing = standing
        self._operators = operators
        self._observer = observer

    async def on_flatten_requested(self, entry: Entry[FlattenRequested]) -> None:
        """Bring one request to its verdict, whoever began it; a repeat of a finished one is only acknowledged.

        Raises RetryableError while another executor works on it, and RedisError: then the entry stays pending.
        """
        request = entry.event
        beginning, lease = await self._begin(request)
        match beginning.begun:
            case Begun.FINISHED:
                await self._store.acknowledge(entry.id)
                self._observer.repeated(request.request_id)
            case Begun.BUSY:
                raise RetryableError(
                    f"{request.request_id}: another executor works on it for {beginning.lease_left_ms} ms more"
                )
            case Begun.NEW | Begun.RESUMED:
                await self._work(entry, beginning, lease)

    async def _begin(self, request: FlattenRequested) -> tuple[Beginning, RunLease]:
        """Take the lease. After a crash of our own it is waited for: it is over soon, and no other may take it yet."""
        beginning, lease = await self._store.begin(request)
        if beginning.begun is Begun.BUSY and beginning.lease_left_ms <= self._store.times.restart_ms:
            self._observer.waiting_for_lease(request.request_id, beginning.lease_left_ms)
            await self._tools.clock.sleep(beginning.lease_left_ms / 1000)
            return await self._store.begin(request)
        return beginning, lease

    async def _work(self, entry: Entry[FlattenRequested], beginning: Beginning, lease: RunLease) -> None:
        reasons = await self._objections(entry.event, beginning, begun_orders=bool(lease.records))
        resumed = beginning.begun is Begun.RESUMED
        self._observer.begun(lease.request_id, fence=lease.fence, resumed=resumed, objections=reasons)
        started = RunStarted(
            request_id=lease.request_id,
            executor=self._standing.consumer_name,
            fence=lease.fence,
            resumed=resumed,
            software_version=software_version(),
            started_at_ms=self._tools.clock.now_ms(),
            config_hash=self._standing.config_hash,
        )
        permit = Permit(
            lease,
            self._tools.latch,
            self._store.aborts(entry.event, self._observer),
            self._tools.clock,
            self._observer,
            objections="; ".join(reasons),
        )
        run = Run(entry.event, lease, permit, self._tools)
        try:
            async with lease.kept():
                await lease.record(events=[started])
                completed = await run.execute()
                with self._observer.finishing(completed):
                    completed = await self._store.finish(entry.id, lease, completed)
        except LeaseLost:
            raise
        except Exception:
            if run.is_quiet:
                await self._give_back(lease)
            raise
        finally:
            self._observer.left()
        self._observer.finished(completed)

    async def _give_back(self, lease: RunLease) -> None:
        """Let whoever comes next begin at once: nothing of ours is on its way any more."""
        with suppress(RedisError, OSError):  # then the lease runs out by itself
            await self._store.release(lease)

    async def _objections(
        self, request: FlattenRequested, beginning: Beginning, *, begun_orders: bool
    ) -> tuple[str, ...]:
        latch = await read_patiently(self._tools.latch, self._tools.clock, self._observer)
        case = AdmissionCase(
            request=request,
            account=self._standing.account,
            environment=self._standing.environment,
            live_allowed=self._standing.live_allowed,
            latch_set=latch.is_set,
            latch_detail=latch.detail,
            operators=await self._operators.look(),  # anew for each run: a revocation works at once
            now_ms=beginning.redis_now_ms,
            max_age_ms=self._standing.request_max_age_ms,
            orders_on_record=begun_orders,
            own_request_id=self._store.request_id(request.arm.arm_id),
            fired_request_id=beginning.fired_request_id,
            active_request_id=beginning.active_request_id,
        )
        return objections(case)
