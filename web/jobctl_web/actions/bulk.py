"""What can be done to many jobs: those that were ticked, or all that match a filter. It is always asked first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.responses import Response

from jobctl.errors import JobctlError, UsageError
from jobctl.inspector import Inspector
from jobctl.inspector.deeds import Change, Deed, Target
from jobctl.inspector.filters import parse_filter
from jobctl.inspector.replay import Replayed
from jobctl_web.action import Action, Order
from jobctl_web.confirm import Question, ask
from jobctl_web.pages.jobs import JobLine
from jobctl_web.roles import Role
from jobctl_web.text import plural

MOST = 20_000  # jobs of one action: a browser waits for it, and the command line is better at more
SEARCH_S = 10.0
SAMPLE = 8
DEEDS = {"replay": Deed.REPLAY, "cancel": Deed.CANCEL, "delete": Deed.DELETE}
NEEDS = {Deed.DELETE: Role.ADMIN}
TEXTS = {
    Deed.REPLAY: "Each runs again as a new job that names its origin. What has been replayed before is left alone.",
    Deed.CANCEL: "Those that wait end at once; those that run are cancelled by their workers.",
    Deed.DELETE: "Their records, results and histories are gone then. Running jobs are left alone.",
}


async def bulk(order: Order) -> Response:
    """Do something to many jobs."""
    deed = DEEDS.get(order.one("do"))
    if deed is None:
        raise UsageError("nothing was asked for")
    if not order.identity.may(NEEDS.get(deed, Role.OPERATOR)):
        raise HTTPException(403)
    inspector = order.web.console.inspector(order.identity)
    names = [name for name in order.given.get("job", ()) if name]
    targets = await _targets(order, inspector, deed, names)
    if not targets:
        return order.refused(f"No job that can be {deed.past} matches.")
    if not order.is_confirmed:
        return await _ask(order, inspector, deed, names, targets)
    if deed is Deed.REPLAY:
        return _told(order, deed, await inspector.repair.replay(targets))
    act = inspector.repair.cancel if deed is Deed.CANCEL else inspector.repair.delete
    return _told(order, deed, await act(targets, wanted=None if names else parse_filter(order.one("filter"))))


async def _targets(order: Order, inspector: Inspector, deed: Deed, names: Sequence[str]) -> list[Target]:
    if names:
        found = await inspector.repair.named(names)
        return [target for target in found if isinstance(target, Target) and target.state in deed.possible]
    before = order.one("before")
    command = f"the command line takes any number: `jobctl {deed} '{order.one('filter')}'`"
    try:
        async with asyncio.timeout(SEARCH_S):
            targets = await inspector.repair.select(
                deed, order.one("filter") or None, before_ms=int(before) if before.isdigit() else None
            )
    except TimeoutError:
        raise UsageError(f"looking for the jobs took more than {SEARCH_S:.0f} s", hint=command) from None
    if len(targets) > MOST:
        raise UsageError(f"{len(targets):,} jobs are more than {MOST:,} at once", hint=command)
    return targets


async def _ask(
    order: Order, inspector: Inspector, deed: Deed, names: Sequence[str], targets: Sequence[Target]
) -> Response:
    sample = []
    for target in targets[:SAMPLE]:
        try:
            sample.append(JobLine.of(order.web.console.plan, await inspector.job(target.id)))
        except JobctlError:  # it has gone meanwhile
            continue
    now_ms = (await order.web.console.snapshot()).overview.at_ms
    fields = [("do", str(deed)), *(("job", name) for name in names)]
    fields += [] if names else [("filter", order.one("filter")), ("before", str(now_ms))]
    question = Question(
        title=f"{deed.capitalize()} {plural(len(targets), 'job')}",
        text=TEXTS[deed],
        verb=f"{deed.capitalize()} {plural(len(targets), 'job')}",
        fields=fields,
        sample=sample,
        more=f"and {len(targets) - SAMPLE:,} more" if len(targets) > SAMPLE else "",
        is_danger=deed is not Deed.REPLAY,
    )
    return ask(order, question)


def _told(order: Order, deed: Deed, outcomes: Sequence[Replayed | Change]) -> Response:
    reasons = [each.reason for each in outcomes if each.reason is not None]
    done = len(outcomes) - len(reasons)
    if not done:
        return order.refused(f"None of {plural(len(outcomes), 'job')} was {deed.past}: {reasons[0]}.")
    left = f" {plural(len(reasons), 'job')} not, the first because {reasons[0]}." if reasons else ""
    return order.done(f"{plural(done, 'job')} {deed.past}.{left}")


ACTIONS = (Action("/bulk", Role.OPERATOR, bulk),)
