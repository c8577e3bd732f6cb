"""`make teardown`: takes the service out of an AWS account. Refused while environments are alive."""

from __future__ import annotations

import deploy
import tools
from console import say, step, stop


def main():
    stack = deploy.settings()["stack_name"]
    table = deploy.outputs(deploy.client("cloudformation"), stack)["TableName"]
    alive = deploy.client("dynamodb").query(
        TableName=table, IndexName="all", KeyConditionExpression="all_pk = :live",
        ExpressionAttributeValues={":live": {"S": "LIVE"}}, ProjectionExpression="id, #name",
        ExpressionAttributeNames={"#name": "name"},
    )["Items"]
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
