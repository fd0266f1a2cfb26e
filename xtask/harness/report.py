"""What is printed, and what ends a run."""

import sys
import time


class Failure(Exception):
    """What a run ends with: one message, without a trace of this program's own lines."""


def row(what, verdict):
    print(f"{what:66} {verdict}", flush=True)


def head(title):
    print(f"\n{title}", flush=True)


def indented(lines):
    for line in lines:
        print(f"  {line}", flush=True)


def eventually(what, seconds, attempt, pause=0.2):
    """Calls until the first of what is returned is true, and returns the second; what was seen last where it never is."""
    end = time.monotonic() + seconds
    while True:
        done, seen = attempt()
        if done:
            return seen
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s; last seen: {str(seen)[:1500]}")
        time.sleep(pause)


def last_words(processes):
    """The end of each program's log, before the message that a run ends with."""
    for name in processes.names():
        print(f"--- {name}\n{processes.last(name)}", file=sys.stderr)
