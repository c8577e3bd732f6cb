"""`make teardown`: takes the service out of an AWS account. Refused while environments are alive."""

from __future__ import annotations

import deploy
import tools
from console import say, step, stop


def main():
    stack = deploy.settings()["stack_name"]
    table = deploy.outputs(deploy.client("cloudformation"), stack)["TableName"]
    pages = deploy.client("dynamodb").get_paginator("query").paginate(
        TableName=table, IndexName="all", KeyConditionExpression="all_pk = :live",
        # Of a create that failed and was undone nothing exists.
        FilterExpression="#status <> :failed",
        ExpressionAttributeValues={":live": {"S": "LIVE"}, ":failed": {"S": "FAILED"}},
        ProjectionExpression="id, #name", ExpressionAttributeNames={"#name": "name", "#status": "status"},
    )
    alive = [item for page in pages for item in page["Items"]]
    if alive:
        stop(
            "%d environments are alive; without the service nobody would ever remove them:" % len(alive),
            *["%s  %s" % (item["id"]["S"], item["name"]["S"]) for item in alive],
            "DELETE each of them first.",
        )
    with step("Delete the stack %s" % stack):
        tools.run([tools.tool("sam"), "delete", "--stack-name", stack, "--no-prompts"])
    say("The table %s stays, with the history of all environments; delete it by hand when nobody needs it." % table)
    say("The stack %s stays too: roles that it bounds or ECS uses may be in use elsewhere." % deploy.ACCOUNT_STACK)


if __name__ == "__main__":
    tools.use()
    main()
