"""The table of calls, and what the emulator does not carry."""

import time

from botocore.exceptions import BotoCoreError, ClientError

from harness.report import Failure

MISSING = []


def cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"


def row(call, answer, seconds):
    print(f"  {cut(call, 64):64} {cut(answer, 58):58} {seconds:6.2f}", flush=True)


def missing(what, why):
    """Something of AWS that the emulator does not carry: told at the end, and no failure of ours."""
    MISSING.append((what, why))
    row(what, "not carried", 0)


def timed(call, work, shown=lambda answer: "done"):
    """Calls, and prints what was answered and how long it took."""
    begun = time.monotonic()
    try:
        answer = work()
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"{call}: {error}") from error
    row(call, shown(answer), time.monotonic() - begun)
    return answer


def refused(call, work, codes):
    """A call that must be refused, with one of these codes."""
    begun = time.monotonic()
    try:
        work()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in codes:
            raise Failure(f"{call}: refused with {code}, not with one of {', '.join(codes)}") from error
        row(call, f"refused: {code}", time.monotonic() - begun)
        return
    raise Failure(f"{call}: was not refused")


def expect(what, is_so, seen=""):
    if not is_so:
        raise Failure(f"{what}: {seen}" if seen != "" else what)
