"""`make flows`: a real worker of an environment runs flows for a real Prefect server. The last part of `make test`.

The local cloud is that of `make up`, with another name: its tasks are processes of this machine. What they ask AWS for is in
.local/real-proxy/journal.jsonl.
"""

from __future__ import annotations

import os
import signal
import sys

import build
import deploy
import prefect_server
import tools
from cargo_test import INTERRUPTED, cargo_test, service_environment
from console import say, step
from fargate import Fargate
from local_cloud import LocalCloud, free_port
from prefect_server import AUTH_STRING, PrefectServer
from proxy import Proxy

TIME_SCALE = 0.05


def main(selection):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tasks, cloud, server = Fargate("real-fargate"), LocalCloud("real-cloud"), PrefectServer("real-prefect")
    proxy = Proxy("real-proxy")
    with step("Compile the functions and the stand-in for Fargate (cargo build)"):
        build.build()
        build.build_fargate()
    commands = prefect_server.install()
    # What a run that was killed has left.
    for part in (tasks, cloud, server):
        part.stop()
    try:
        with step("Start a local cloud, what runs its tasks, and a Prefect server"):
            port = free_port()
            server.start(free_port(), commands)
            seen_by_tasks = proxy.start(free_port(), port, off=True)
            cloud.start(port, SFN_WAIT_SCALE=str(TIME_SCALE), **tasks.start(port, commands, seen_by_tasks))
            cloud.warm_up()
        with step("Deploy the service (sam deploy)"):
            outputs = deploy.local(cloud)
        with step("Wait for the Prefect server"):
            server.wait()
        environment = dict(
            service_environment(cloud, outputs),
            JOURNAL=str(proxy.journal), PREFECT_SERVER=server.api_url, PREFECT_AUTH_STRING=AUTH_STRING,
        )
        # The target is none of `--workspace`, which has no such cloud.
        return cargo_test(["--workspace", "--test", "prefect_for_real"] + selection, environment)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        for part in (tasks, cloud, server, proxy):
            part.stop()
        say("The local cloud's log: %s" % os.path.relpath(str(cloud.log)))
        say("The tasks' calls: %s" % os.path.relpath(str(proxy.journal)))


if __name__ == "__main__":
    tools.use()
    raise SystemExit(main(sys.argv[1:]))
