"""`make test`: every test, with a local cloud of its own beside that of `make up`, and a proxy that makes it AWS.

The proxy (tests/proxy) keeps the rules of AWS and a journal of the functions' calls. Both are stopped whatever happens, also on Ctrl-C;
the cloud's log stays in .local/test/cloud.log, the journal in .local/proxy/journal.jsonl. After the tests come requests made
from the API's own document (openapi.py), and then the tests with a real worker (prefect_for_real.py), on a cloud of
their own.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import build
import deploy
import faults
import openapi
import prefect_for_real
import processed_template
import tools
from background import started
from cargo_test import INTERRUPTED, cargo_test, service_environment
from console import say, step, stop
from local_cloud import REGION, LocalCloud, free_port
from proxy import Proxy

# Half a minute passes in half a second.
TIME_SCALE = 0.02
# Whatever the tests make at once has room: VPCs, internet gateways, addresses, NAT gateways, namespaces.
QUOTAS = ",".join("%s=1000" % code for code in ("L-F678F1CE", "L-A4707A72", "L-0263D0A3", "L-FE5A380F", "L-0FE3F50E"))


def main(selection, time_scale=TIME_SCALE, **rules):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cloud, proxy = LocalCloud("test"), Proxy()
    with step("Compile the functions (cargo build)"):
        build.build()
    alone()
    # What a run that was killed has left.
    cloud.stop()
    try:
        with step("Start a local cloud for the tests"):
            # One measure of time for the machine that waits and for AWS that is waited for.
            port, rules = free_port(), dict(rules, time_scale=time_scale, quotas=QUOTAS)
            cloud.start(port, proxy.start(free_port(), port, **rules), SFN_WAIT_SCALE=str(time_scale))
        with step("Deploy the service (sam deploy)"):
            # The proxy is Prefect Cloud, too.
            outputs = deploy.local(cloud, "PrefectCloudUrl=%s/api" % cloud.record["functions_endpoint"])
        with faults.clouds("test-faults") as clouds:
            return test(selection, cloud, proxy, outputs, clouds)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        cloud.stop()
        proxy.stop()
        say("The local cloud's log: %s" % os.path.relpath(str(cloud.log)))
        say("The functions' calls: %s" % os.path.relpath(str(proxy.journal)))


def alone():
    """Two runs in one checkout would stop each other's cloud."""
    file = tools.STATE / "test-run.json"
    file.parent.mkdir(exist_ok=True)
    try:
        other = json.loads(file.read_text())
        if other["pid"] != os.getpid() and other["started"] == started(other["pid"]):
            stop("`make test` runs already in this checkout (process %d)." % other["pid"], "Wait for it, or use a second clone.")
    except (OSError, ValueError):
        pass
    file.write_text(json.dumps({"pid": os.getpid(), "started": started(os.getpid())}))


def test(selection, cloud, proxy, outputs, clouds):
    processed = tools.STATE / "policies" / "template.json"
    account = outputs["StateMachineArn"].split(":")[4]
    processed_template.write(processed, deploy.STACK, account, REGION, {"Table": outputs["TableName"]})
    environment = dict(
        service_environment(cloud, outputs),
        # What the functions asked AWS for, and the template whose policies must allow just that.
        JOURNAL=str(proxy.journal),
        PROCESSED_TEMPLATE=str(processed),
        **clouds,
    )
    code = 0 if selection == ["openapi"] else cargo_test(selection or ["--workspace"], environment)
    if selection in ([], ["openapi"]) and code != INTERRUPTED:
        code = openapi.check(environment["API_URL"], REGION) or code
    return code


if __name__ == "__main__":
    tools.use()
    result = main(sys.argv[1:])
    if not sys.argv[1:] and result != INTERRUPTED:
        result = prefect_for_real.main([]) or result
    raise SystemExit(result)
