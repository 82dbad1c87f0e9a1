"""`jobctl run --watch`: how a changed spec is read again, and how a broken one is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jobctl_cli.errors import paint, rendered

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.errors import JobctlError
    from jobctl.worker.watch import Prepared, Watch
    from jobctl_cli.environment import Environment


def watching(
    env: Environment,
    path: str,
    plan: Plan,
    served: Callable[[Mapping[str, int]], dict[str, int] | None],
    *,
    log_format: str,
) -> Watch:
    """Return the watch of the specs at a path.

    Args:
        env: where problems are told.
        path: file or folder.
        plan: what the worker begins with.
        served: queue -> declared weight to what this worker serves; None = all.
        log_format: problems are shown with their lines to people; a log of JSON has them in its own line.
    """
    from jobctl.compiler import bind, check, compile_spec
    from jobctl.spec import SpecErrors
    from jobctl.worker.process import resolve_hooks
    from jobctl.worker.watch import Prepared, Watch

    def read() -> Prepared:
        spec, problems = check(path)
        if problems:
            raise SpecErrors(problems)
        compiled = compile_spec(spec, weights=env.settings.weights, strict=False)
        return Prepared(
            plan=compiled,
            handlers=bind(compiled),
            hooks=resolve_hooks(compiled),
            weights=served({queue.name: queue.weight for queue in compiled.queues}),
        )

    def refuse(error: JobctlError) -> None:
        if log_format == "human" or (log_format == "auto" and env.stderr.isatty()):
            env.note(paint(rendered(error), env.err))

    return Watch(path, plan, read, on_refused=refuse)
