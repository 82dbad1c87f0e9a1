"""Jobs with `isolation: process`: run in child processes that a timeout can kill and whose crash costs no other job.

`pool` keeps the children warm, `process` is one of them as the worker sees it, `child` is what runs in it, and
`messages` is what the two say to each other.

The children are started afresh, not forked: a fork would copy the worker's threads' locks, its event loop and its
connections into a process in which none of them works. Each imports the handlers once and then runs job after job.
"""
