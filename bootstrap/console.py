"""What the scripts say: steps with their times, and one clear sentence when something is missing."""

from __future__ import annotations

import contextlib
import sys
import time


def say(text=""):
    print(text, flush=True)


def stop(problem, *remedy):
    """Ends the script with what is wrong and what to do about it."""
    print("\n%s\n%s" % (problem, "".join("  %s\n" % line for line in remedy)), file=sys.stderr, flush=True)
    raise SystemExit(1)


@contextlib.contextmanager
def step(what):
    """Names a step before it starts and its time when it is done."""
    say("==> " + what)
    began = time.monotonic()
    yield
    say("    %s" % seconds(time.monotonic() - began))


def seconds(duration):
    if duration < 100:
        return "%.1f s" % duration
    return "%d min %02d s" % divmod(int(duration), 60)
