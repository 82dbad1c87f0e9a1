"""A worker as its supervisor sees one, without a broker: speaks on the line, keeps a diary, does as it is told.

    python fake_worker.py DIARY [BEHAVIOUR...]

A behaviour is `N:what`: the child with number N does it in its first life; `N*:what` in every life;
`later-fail-while=FILE` makes all but the first lives fail while the file exists. The diary has a line for each event:
`number life event`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path


def main() -> None:
    diary, *behaviours = sys.argv[1:]
    number, fd, is_scheduling = os.environ["JOBCTL_CHILD"].split(":")
    link = socket.socket(fileno=int(fd))
    life = sum(line.startswith(f"{number} ") and " start" in line for line in read(diary)) + 1

    def note(event: str) -> None:
        with Path(diary).open("a") as book:
            book.write(f"{number} {life} {event}\n")

    def does(what: str) -> bool:
        return f"{number}*:{what}" in behaviours or (life == 1 and f"{number}:{what}" in behaviours)

    def on_term(*_: object) -> None:
        note("term")
        if not does("linger") and not does("hang"):
            os._exit(1 if does("end-badly") else 0)

    signal.signal(signal.SIGTERM, on_term)
    note(f"start {os.getpid()} scheduling={is_scheduling}")
    for code in (1, 2, 3, 4):
        if does(f"fail-{code}"):
            sys.exit(code)
    flags = [behaviour.partition("=")[2] for behaviour in behaviours if behaviour.startswith("later-fail-while=")]
    if life > 1 and any(Path(flag).exists() for flag in flags):
        sys.exit(1)
    note("ready")
    link.sendall(b"ready\n")
    if does("done"):
        os._exit(0)
    if does("late-3"):
        os._exit(3)
    if does("dismissed"):
        os._exit(8)
    if does("give-up"):
        os._exit(4)
    if does("wear-out"):
        link.sendall(b"successor 100 jobs\n")

    def listen() -> None:
        for word in link.makefile("r"):
            note(word.strip())
            os._exit(0)
        note("orphaned")

    threading.Thread(target=listen, daemon=True).start()
    while True:
        signal.pause()


def read(diary: str) -> list[str]:
    return Path(diary).read_text().splitlines() if Path(diary).exists() else []


if __name__ == "__main__":
    main()
