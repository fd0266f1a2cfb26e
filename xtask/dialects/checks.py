"""Checks: a printed line each, and how many went wrong. One that fails does not keep the others from running."""

import time
import traceback

from harness.report import Failure

WITHIN_SECONDS = 15


class Checks:
    def __init__(self):
        self.done, self.failed, self.absent = 0, [], []

    def check(self, what, work):
        begun = time.monotonic()
        try:
            work()
        except Exception as error:  # noqa: BLE001: whatever a client raises is a check that failed
            self.failed.append(what)
            print(f"  FAILED {what}: {type(error).__name__}: {str(error)[:600]}", flush=True)
            if not isinstance(error, (AssertionError, Failure)):
                traceback.print_exc()
            return
        self.done += 1
        print(f"  ok     {what:90} {time.monotonic() - begun:6.2f} s", flush=True)

    def not_here(self, client, why):
        self.absent.append(client)
        print(f"  not here: {client}: {why}", flush=True)


def expect(is_so, *seen):
    if not is_so:
        raise AssertionError(" ".join(str(s) for s in seen)[:600])


def soon(attempt):
    """What an attempt returns as soon as it is something: what was sent is found a moment later."""
    end = time.monotonic() + WITHIN_SECONDS
    while True:
        found = attempt()
        if found:
            return found
        expect(time.monotonic() < end, "nothing found within", WITHIN_SECONDS, "s")
        time.sleep(0.1)
