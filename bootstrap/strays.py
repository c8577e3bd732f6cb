"""`make strays`: what carries this stack's tag and belongs to no living environment.

Lists, and removes nothing. `make strays REMOVE=<environment id>` removes what is left of that one environment, by a
delete operation of its own: what is not this environment's is not touched, and in the end it is proven gone. The
functions are invoked with the rights of your AWS profile.
"""

from __future__ import annotations

import json
import sys

import deploy
import tools
from console import say, step, stop

GROUPS = ("network", "identity", "cluster", "worker")


def main(remove):
    functions, stack = deploy.client("lambda"), deploy.settings()["stack_name"]

    def invoke(function, payload):
        answer = functions.invoke(FunctionName="%s-%s" % (stack, function), Payload=json.dumps(payload).encode())
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            stop("%s-%s: %s" % (stack, function, told.get("errorMessage") or told), "Its log says more.")
        return told

    with step("Look for what carries the tag of %s (four surveys)" % stack):
        surveys = [invoke(group, {"action": "survey"}) for group in GROUPS]
    if not all(survey["whole"] for survey in surveys):
        say("    Not everything was looked at or is told: there is too much of it. Come again in an hour.")
    if not remove:
        return show(surveys)
    caller = deploy.client("sts").get_caller_identity()["Arn"]
    command = {
        "action": "remove_strays", "environment_id": remove, "surveys": surveys,
        "asked_by": {"name": caller.rsplit("/")[-1].rsplit(":")[-1], "arn": caller},
    }
    plan = invoke("operation", command)["strays"]
    if "refused" in plan:
        stop("Nothing is removed of %s." % remove, plan["refused"])
    say("\nOf %s these are removed:" % remove)
    things(plan["taken"])
    if plan["left"]:
        say("These are not: no environment has such a thing, or its name is another environment's by now:")
        things(plan["left"])
    if not plan["taken"]:
        stop("There is nothing to remove.", "make strays lists what there is.")
    began = invoke("operation", dict(command, dry_run=False))["strays"]
    if not began.get("operation_id"):
        stop("Nothing is removed.", "Somebody was faster: make strays lists what there is.")
    say("\nOperation %s removes them: GET /environments/%s shows how it goes." % (began["operation_id"], remove))


def show(surveys):
    strays = {}
    for survey in surveys:
        for stray in survey["strays"]:
            found = strays.setdefault(stray.get("environment_id"), {"ended": stray["ended"], "things": []})
            found["things"] += stray["things"]
    if not strays:
        say("\nThere is nothing.")
    for environment, found in sorted(strays.items(), key=lambda item: item[0] or ""):
        if not environment:
            say("\nNo environment is named by these; remove them by hand:")
        elif found["ended"]:
            say("\n%s has ended; the survey removes these within the hour:" % environment)
        else:
            say("\n%s has no record; to remove these: make strays REMOVE=%s" % (environment, environment))
        things(found["things"])


def things(found):
    for thing in found:
        say("    %-42s %-34s %s" % (thing["kind"], thing.get("key") or "", thing["id"]))


if __name__ == "__main__":
    tools.use()
    main(sys.argv[1] if len(sys.argv) > 1 else None)
