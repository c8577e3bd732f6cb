"""Runs tests against a deployed service and counts them."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import deploy
import tools
from console import say
from local_cloud import REGION

RESULT = re.compile(r"^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored")
# What a shell says of a command that Ctrl-C has ended.
INTERRUPTED = 130


def service_environment(cloud, outputs):
    """The environment in which tests find the service that is deployed on a local cloud."""
    return dict(
        os.environ,
        LOCAL_CLOUD_ENDPOINT=cloud.url,
        AWS_PROXY_ENDPOINT=cloud.record["functions_endpoint"] or cloud.url,
        AWS_REGION=REGION,
        API_URL="%s/_aws/execute-api/%s" % (cloud.url, outputs["ApiId"]),
        TABLE_NAME=outputs["TableName"],
        STATE_MACHINE_ARN=outputs["StateMachineArn"],
        STACK_NAME=deploy.STACK,
    )


def cargo_test(selection, environment):
    locked = ["--locked"] if tools.IN_CI else []
    command = ["cargo", "test", "--no-fail-fast"] + locked + selection
    say("==> " + " ".join(command))
    passed = failed = ignored = 0
    cargo = subprocess.Popen(command, cwd=str(tools.CHECKOUT), env=environment, stdout=subprocess.PIPE)
    try:
        for line in cargo.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            result = RESULT.match(line.decode(errors="replace"))
            if result:
                passed, failed, ignored = (sum + int(more) for sum, more in zip((passed, failed, ignored), result.groups()))
        code = cargo.wait()
    finally:
        if cargo.poll() is None:
            cargo.terminate()
            cargo.wait()
    if ignored:
        say("%d ignored" % ignored)
    say("%d passed, %d failed" % (passed, failed))
    return code
