"""`make faults`: every fault at every call (tests/faults), with local clouds of its own that ask nobody for a key.

An account on such a cloud is whatever key somebody comes with, so that each run has one of its own. `make test` tries
a sample of the same runs. The clouds are stopped whatever happens, also on Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import tools
from console import say, step
from local_cloud import REGION, LocalCloud, free_port

# Each is one process that does one thing at a time.
CLOUDS = 2


@contextlib.contextmanager
def clouds(name):
    """Clouds of this name. Answers their addresses as the runs want them: in their environment variable."""
    started = [LocalCloud("%s-%d" % (name, number)) for number in range(1, CLOUDS + 1)]
    # What a run that was killed has left.
    for cloud in started:
        cloud.stop()
    try:
        with step("Start %d local clouds for the faults" % CLOUDS):
            for cloud in started:
                cloud.start(free_port(), AUTH="false", SERVE_WITH_UVICORN="true")
        yield {"FAULTS_CLOUDS": ",".join(cloud.url for cloud in started), "AWS_REGION": REGION}
    finally:
        for cloud in started:
            cloud.stop()


def main(selection):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    locked = ["--locked"] if tools.IN_CI else []
    command = ["cargo", "test", "--profile", "faults"] + locked
    command += ["--workspace", "--test", "faults", "--", "--include-ignored"] + selection
    try:
        with clouds("faults") as environment:
            say("==> " + " ".join(command))
            return subprocess.run(command, cwd=str(tools.CHECKOUT), env=dict(os.environ, **environment)).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    tools.use()
    raise SystemExit(main(sys.argv[1:]))
