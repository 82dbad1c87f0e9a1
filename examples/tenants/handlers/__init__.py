"""What the jobs of `jobspecs/` run: one file a job, each with one handler.

A handler that waits for several things at once is `async def`; the others are plain functions, run in threads.
"""
