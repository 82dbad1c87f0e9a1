"""Our worker beside stock SAQ, on this machine, now: `make bench`."""
