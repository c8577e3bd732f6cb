"""`make up`: from a checkout to a running service with one environment in it. Everything that is there is reused."""

from __future__ import annotations

import os
import time

import build
import deploy
import prefect_server
import tools
from console import say, seconds, step, stop
from fargate import Fargate
from local_cloud import LocalCloud, check_port
from prefect_server import AUTH_STRING, PrefectServer

# Who is asked for, on the Prefect server of this machine. A worker looks for work more often than its 10 s.
SAMPLE = {"name": "prefect", "team": "data", "worker": {"environment": {"PREFECT_WORKER_QUERY_SECONDS": "2"}}}
POOL = "ecs-work-pool"
WORKING = ("PENDING", "CREATING", "UPDATING", "ROLLING_BACK", "DELETING")


def main():
    began = time.monotonic()
    cloud, tasks, server = LocalCloud("cloud"), Fargate("fargate"), PrefectServer("prefect")
    # Asked first, so that a taken port is not found out after minutes of compiling.
    endpoint, port, prefect_port = reuse_or_choose(cloud, tasks, server)
    with step("Compile the functions and the stand-in for Fargate (cargo build)"):
        build.build()
        build.build_fargate()
    commands = prefect_server.install()
    if server.record:
        say("==> The Prefect server runs already on port %d" % prefect_port)
    else:
        # It takes its time, which the deployment takes, too.
        say("==> Start a Prefect server on port %d" % prefect_port)
        server.start(prefect_port, commands)
    if cloud.record:
        say("==> The local cloud runs already on port %d" % port)
    else:
        with step("Start the local cloud on port %d, and what runs its tasks" % port):
            # The local cloud is instant where AWS takes minutes: the state machine's waits take a tenth of their time.
            cloud.start(port, endpoint, SFN_WAIT_SCALE="0.1", **tasks.start(port, commands, endpoint))
            cloud.warm_up()
    with step("Deploy the service (sam deploy)"):
        outputs = deploy.local(cloud)
    if not server.answers():
        with step("Wait for the Prefect server"):
            server.wait()
    url = "%s/_aws/execute-api/%s" % (cloud.url, outputs["ApiId"])

    from api import Api  # botocore takes a while to load

    environment = follow(Api(url), sample(Api(url), server))
    show(environment)
    if environment["status"] != "ACTIVE":
        stop("The environment is %s, not ACTIVE." % environment["status"], "Its record above says why; the local cloud's log: %s" % cloud.log)
    show_worker(server, environment)
    say("\nThe service is up after %s: %s" % (seconds(time.monotonic() - began), url))
    say_what_next(cloud, server, url, environment, outputs)


def reuse_or_choose(cloud, tasks, server):
    """The functions' endpoint, the local cloud's port and the Prefect server's: of those that run, or free ones."""
    wanted_endpoint = os.environ.get("FUNCTIONS_ENDPOINT_URL") or None
    ports = {}
    for part, setting, default in ((cloud, "LOCAL_CLOUD_PORT", 4566), (server, "PREFECT_PORT", 4200)):
        wanted = os.environ.get(setting) or None
        if wanted and not (wanted.isdigit() and 0 < int(wanted) < 65536):
            stop("%s is %r, which is no port." % (setting, wanted), "For example: make up %s=%d" % (setting, default + 34))
        ports[part] = int(wanted) if wanted else None
        if part.record and not part.answers():
            part.stop()
        if part.record and wanted and int(wanted) != part.record["port"]:
            stop("%s of this checkout runs on port %d already." % (part.what, part.record["port"]), "make down, then again")
        ports[part] = part.record.get("port") or ports[part] or default
    # Neither can go on without the other: tasks are known to both.
    if not (cloud.record and tasks.answers()):
        tasks.stop()
        cloud.stop()
    if cloud.record and wanted_endpoint != cloud.record["functions_endpoint"]:
        stop("The local cloud was started with FUNCTIONS_ENDPOINT_URL=%s." % (cloud.record["functions_endpoint"] or ""), "make down, then again")
    if not cloud.record:
        check_port(ports[cloud])
    if not server.record:
        check_port(ports[server], "the Prefect server", "PREFECT_PORT")
    return wanted_endpoint, ports[cloud], ports[server]


def sample(api, server):
    """The sample environment, requested unless there is one by that name."""
    status, listed = api.get("/environments?team=%s&page_size=100" % SAMPLE["team"])
    if status != 200:
        stop("GET /environments answered %d: %s" % (status, listed))
    for environment in listed["items"]:
        if environment["name"] == SAMPLE["name"] and environment["status"] not in ("FAILED", "DELETED"):
            say("==> The environment `%s` is there already: %s" % (environment["name"], environment["status"]))
            return environment["id"]
    say("==> Request an environment: POST /environments")
    prefect = {"api_url": server.api_url, "auth_string": AUTH_STRING, "work_pool": POOL}
    status, answer = api.post("/environments", dict(SAMPLE, prefect=prefect))
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


def show_worker(server, environment):
    """The worker in Prefect's own terms, when it is online there."""
    with step("Wait for a worker that is ONLINE in Prefect"):
        give_up = time.monotonic() + 120
        while not (seen := server.worker_online(POOL)):
            if time.monotonic() > give_up:
                stop("No worker of the work pool %s is ONLINE." % POOL, "Its last words are in the log group %s." % environment["outputs"]["worker_log_group"])
            time.sleep(0.25)
    pool, worker = seen
    say("    %-32s %s, type %s: %s" % ("work pool", pool["name"], pool["type"], pool["status"]))
    say("    %-32s %s: %s, last heartbeat %s" % ("worker", worker["name"], worker["status"], worker["last_heartbeat_time"]))
    say("    %-32s %s (sign in with %s)" % ("Prefect", server.url, AUTH_STRING))


def say_what_next(cloud, server, url, environment, outputs):
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
         "{\"api_url\": \"%s\", \"auth_string\": \"%s\", \"work_pool\": \"second-pool\"}, \"network\": {\"vpc_cidr\": \"10.1.0.0/16\"}}' %s/environments"
         % (curl, server.api_url, AUTH_STRING, url)),
        ("See how its execution went", "%s stepfunctions describe-execution --execution-arn %s" % (aws, execution)),
        ("… state by state", "%s stepfunctions get-execution-history --execution-arn %s --query 'events[].stateEnteredEventDetails.name'" % (aws, execution)),
        ("See what it is made of", "%s ec2 describe-subnets --filters Name=tag-key,Values=prefect-environments:id" % aws),
        ("Stop everything", "make down"),
    ):
        say("  %s\n    %s" % (what, command))


if __name__ == "__main__":
    tools.use()
    main()
