"""`make up`: from a checkout to a running service with one environment in it. Everything that is there is reused."""

from __future__ import annotations

import os
import time

import build
import deploy
import tools
from console import say, seconds, step, stop
from local_cloud import LocalCloud, check_port

SAMPLE = {
    "name": "prefect",
    "team": "data",
    "prefect": {
        "account_id": "11111111-2222-4333-8444-555555555555",
        "workspace_id": "66666666-7777-4888-9999-000000000000",
        "api_key": "pnu_made_up_for_the_local_cloud",
    },
}
WORKING = ("PENDING", "CREATING", "UPDATING", "ROLLING_BACK", "DELETING")


def main():
    began = time.monotonic()
    cloud = LocalCloud("cloud")
    # Asked first, so that a taken port is not found out after minutes of compiling.
    endpoint, port = reuse_or_choose(cloud)
    with step("Compile the functions (cargo build)"):
        build.build()
    if cloud.record:
        say("==> The local cloud runs already on port %d" % port)
    else:
        with step("Start the local cloud on port %d" % port):
            # The local cloud is instant where AWS takes minutes: the state machine's waits take a tenth of their time.
            cloud.start(port, endpoint, SFN_WAIT_SCALE="0.1")
    with step("Deploy the service (sam deploy)"):
        outputs = deploy.local(cloud)
    url = "%s/_aws/execute-api/%s" % (cloud.url, outputs["ApiId"])

    from api import Api  # botocore takes a while to load

    environment = follow(Api(url), sample(Api(url)))
    show(environment)
    if environment["status"] != "ACTIVE":
        stop("The environment is %s, not ACTIVE." % environment["status"], "Its record above says why; the local cloud's log: %s" % cloud.log)
    say("\nThe service is up after %s: %s" % (seconds(time.monotonic() - began), url))
    say_what_next(cloud, url, environment, outputs)


def reuse_or_choose(cloud):
    wanted_endpoint = os.environ.get("FUNCTIONS_ENDPOINT_URL") or None
    wanted_port = os.environ.get("LOCAL_CLOUD_PORT") or None
    if wanted_port and not (wanted_port.isdigit() and 0 < int(wanted_port) < 65536):
        stop("LOCAL_CLOUD_PORT is %r, which is no port." % wanted_port, "For example: make up LOCAL_CLOUD_PORT=4600")
    running = cloud.record
    if running and not cloud.answers():
        cloud.stop()
        running = {}
    if running:
        if wanted_port and int(wanted_port) != running["port"]:
            stop("The local cloud of this checkout runs on port %d already." % running["port"], "make down, then again")
        if wanted_endpoint != running["functions_endpoint"]:
            stop("The local cloud was started with FUNCTIONS_ENDPOINT_URL=%s." % (running["functions_endpoint"] or ""), "make down, then again")
        return wanted_endpoint, running["port"]
    port = int(wanted_port or 4566)
    check_port(port)
    return wanted_endpoint, port


def sample(api):
    """The sample environment, requested unless there is one by that name."""
    status, listed = api.get("/environments?team=%s&page_size=100" % SAMPLE["team"])
    if status != 200:
        stop("GET /environments answered %d: %s" % (status, listed))
    for environment in listed["items"]:
        if environment["name"] == SAMPLE["name"] and environment["status"] not in ("FAILED", "DELETED"):
            say("==> The environment `%s` is there already: %s" % (environment["name"], environment["status"]))
            return environment["id"]
    say("==> Request an environment: POST /environments")
    status, answer = api.post("/environments", SAMPLE)
    if status != 202:
        stop("POST /environments answered %d: %s" % (status, answer))
    say("    202 Accepted, id %s" % answer["id"])
    return answer["id"]


def follow(api, id):
    """Says what happens to the environment until it is at rest."""
    began, said = time.monotonic(), set()
    while True:
        status, environment = api.get("/environments/" + id)
        if status != 200:
            stop("GET /environments/%s answered %d: %s" % (id, status, environment))
        if not said and environment["status"] not in WORKING:
            return environment
        for event in events(environment):
            if event not in said:
                said.add(event)
                say("    %8s  %s" % (seconds(time.monotonic() - began), event))
        if environment["status"] not in WORKING:
            return environment
        time.sleep(0.25)


def events(environment):
    """What can be said of it now; a sentence that was said once is not said again."""
    yield environment["status"]
    for report in current(environment).get("steps") or []:
        what = "%-12s %-7s %s" % (report["step"], report.get("action") or "", report.get("outcome") or "begun")
        yield what + (" for %s" % report["waits_for"] if report.get("waits_for") else "")
        if report.get("error"):
            yield "%-12s %s" % ("", " ".join(str(report["error"].get(part) or "") for part in ("code", "resource", "message")))


def current(environment):
    operations = environment.get("operations") or [{}]
    return operations[0]


def show(environment):
    say("\nEnvironment %s (%s), team %s: %s" % (environment["name"], environment["id"], environment["team"], environment["status"]))
    for name, value in (environment.get("outputs") or {}).items():
        say("    %-32s %s" % (name, ", ".join(map(str, value)) if isinstance(value, list) else value))
    if environment["status"] != "ACTIVE":
        for key in ("error", "verdict", "steps"):
            if current(environment).get(key):
                say("    %-32s %s" % (key, current(environment)[key]))


def say_what_next(cloud, url, environment, outputs):
    curl = "curl -sS --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test"
    aws = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL=%s %s" % (
        cloud.url, os.path.relpath(tools.tool("aws")),
    )
    execution = current(environment).get("execution_arn") or outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + ":<operation id>"
    say("\nTry next:")
    for what, command in (
        ("Look at it", "%s %s/environments/%s" % (curl, url, environment["id"])),
        ("List all", "%s %s/environments" % (curl, url)),
        ("Delete it, then look again", "%s -X DELETE %s/environments/%s" % (curl, url, environment["id"])),
        ("Request another", "%s -H 'content-type: application/json' -d '{\"name\": \"second\", \"team\": \"data\", \"prefect\": "
         "{\"account_id\": \"%s\", \"workspace_id\": \"%s\", \"api_key\": \"pnu_made_up\", \"work_pool\": \"second-pool\"}, \"network\": {\"vpc_cidr\": \"10.1.0.0/16\"}}' %s/environments"
         % (curl, SAMPLE["prefect"]["account_id"], SAMPLE["prefect"]["workspace_id"], url)),
        ("See how its execution went", "%s stepfunctions describe-execution --execution-arn %s" % (aws, execution)),
        ("… state by state", "%s stepfunctions get-execution-history --execution-arn %s --query 'events[].stateEnteredEventDetails.name'" % (aws, execution)),
        ("See what it is made of", "%s ec2 describe-subnets --filters Name=tag-key,Values=prefect-environments:id" % aws),
        ("Stop everything", "make down"),
    ):
        say("  %s\n    %s" % (what, command))


if __name__ == "__main__":
    tools.use()
    main()
