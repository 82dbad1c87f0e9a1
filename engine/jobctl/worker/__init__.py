"""The worker: runs claimed jobs, keeps their leases, reports, and stops without losing anything."""

from jobctl.worker.process import run_worker
from jobctl.worker.worker import Worker

__all__ = ["Worker", "run_worker"]
