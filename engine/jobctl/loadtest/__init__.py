"""Load tests on Locust: `JobUser`, and what runs around it.

    from jobctl.loadtest import JobUser

    class Tenants(JobUser):
        spec = "jobspecs/"

`docs/load-testing.md` is the reader's page; `loadtests/` holds the shipped scenarios. Locust is imported only with
`JobUser`: it patches the standard library for gevent, which no worker may suffer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobctl.loadtest.user import JobUser

__all__ = ["JobUser"]

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name == "JobUser":
            try:
                from jobctl.loadtest.user import JobUser
            except ModuleNotFoundError as error:
                if error.name == "locust":
                    raise ModuleNotFoundError(
                        "load tests need Locust: pip install 'jobctl[load]'", name="locust"
                    ) from None
                raise
            return JobUser
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
