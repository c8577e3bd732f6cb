"""Deploys the service with `sam deploy`: to an AWS account, or to a local cloud.

Two stacks: bootstrap/account.yaml (what an account needs once) and template.yaml (the service).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import tools
from build import FUNCTIONS, PACKAGES, architecture_of, check_glibc
from console import say, step, stop
from local_cloud import CREDENTIALS, REGION

# On the local cloud; on AWS samconfig.toml names it.
STACK = "prefect-environments"
ACCOUNT_STACK = "prefect-environments-account"
SOURCES = ("template.yaml", "samconfig.toml", "bootstrap/account.yaml", "state-machine/environment.asl.json",
           "state-machine/survey.asl.json", "state-machine/watch.asl.json")


def local(cloud, *parameters):
    """Deploys to a running local cloud, unless just this is deployed there. The stack's outputs. `parameters` (Name=value) come
    on top of those in samconfig.toml."""
    fingerprint = hashlib.sha256(repr(parameters).encode())
    for source in [tools.CHECKOUT / name for name in SOURCES] + [PACKAGES / name / "bootstrap" for name in FUNCTIONS]:
        fingerprint.update(hashlib.sha256(source.read_bytes()).digest())
    done = cloud.directory / "deployed"
    if done.exists() and done.read_text() == fingerprint.hexdigest():
        return outputs(client("cloudformation", cloud.url), STACK)
    environment = local_environment(cloud.url)
    account = client("cloudformation", cloud.url)
    # The local CloudFormation knows no service-linked role, and its ECS needs none.
    bucket = account_stack(account, "exists")["ArtifactBucket"]
    command = [tools.tool("sam"), "deploy", "--config-env", "local", "--s3-bucket", bucket, "--parameter-overrides"]
    quietly(command + settings("local")["parameter_overrides"] + list(parameters), environment)
    found = outputs(account, STACK)
    # The local CloudFormation drops this property of the table.
    client("dynamodb", cloud.url).update_time_to_live(
        TableName=found["TableName"], TimeToLiveSpecification={"Enabled": True, "AttributeName": "purge_at"}
    )
    done.write_text(fingerprint.hexdigest())
    return found


def aws():
    """Deploys to the account of the caller's AWS profile what `make package` has made."""
    packages = [PACKAGES / name / "bootstrap" for name in FUNCTIONS]
    if not all(package.exists() for package in packages):
        stop("The functions are not packaged.", "make package")
    for package in packages:
        check_glibc(package)
    chosen = settings()
    if not (chosen["stack_name"] + "-").startswith(STACK + "-"):
        stop("The deploy role deploys only stacks called %s or %s-…: see stack_name in samconfig.toml." % (STACK, STACK))
    with step("Prepare the account and region (stack %s)" % ACCOUNT_STACK):
        account = account_stack(client("cloudformation"), None)
    parameters = list(chosen.get("parameter_overrides", [])) + ["Architecture=" + architecture_of(packages[0])]
    with step("Deploy the service (stack %s)" % chosen["stack_name"]):
        command = [tools.tool("sam"), "deploy", "--s3-bucket", account["ArtifactBucket"], "--role-arn", account["DeployRole"]]
        tools.run(command + ["--parameter-overrides"] + parameters)
    for name, value in outputs(client("cloudformation"), chosen["stack_name"]).items():
        say("    %-16s %s" % (name, value))


def settings(environment="default"):
    """What samconfig.toml says for AWS, or for another environment of its."""
    import tomlkit

    return tomlkit.parse((tools.CHECKOUT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"].unwrap()


def account_stack(cloudformation, service_linked_role):
    """Creates or updates the account's stack; its outputs."""
    from botocore.exceptions import ClientError

    template = (tools.CHECKOUT / "bootstrap" / "account.yaml").read_text()
    given = {"StackName": ACCOUNT_STACK, "TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    try:
        there = cloudformation.describe_stacks(StackName=ACCOUNT_STACK)["Stacks"][0]
    except ClientError:
        choices = {
            "EcsServiceLinkedRole": service_linked_role or existing("iam", "get_role", RoleName="AWSServiceRoleForECS"),
            "GlobalResources": "create" if service_linked_role else boundary_exists(),
        }
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in choices.items()]
        cloudformation.create_stack(Parameters=parameters, **given)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=ACCOUNT_STACK, WaiterConfig={"Delay": 2})
    else:
        # What the first deploy found decides for good: a role that this stack made must not leave it.
        same = [{"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True} for parameter in there["Parameters"]]
        try:
            cloudformation.update_stack(Parameters=same, **given)
            cloudformation.get_waiter("stack_update_complete").wait(StackName=ACCOUNT_STACK, WaiterConfig={"Delay": 2})
        except ClientError as refused:
            if "No updates are to be performed" not in str(refused):
                raise
    return outputs(cloudformation, ACCOUNT_STACK)


def boundary_exists():
    account = client("sts").get_caller_identity()
    partition = account["Arn"].split(":")[1]
    arn = "arn:%s:iam::%s:policy/prefect-environments-boundary" % (partition, account["Account"])
    return existing("iam", "get_policy", PolicyArn=arn)


def existing(service, look, **at):
    """The word the account's stack wants: whether a thing of the whole account exists or is to be created."""
    iam = client(service)
    try:
        getattr(iam, look)(**at)
    except iam.exceptions.NoSuchEntityException:
        return "create"
    return "exists"


def outputs(cloudformation, stack):
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def client(service, local_url=None):
    """A client of the account that the caller's profile names, or of a local cloud."""
    import boto3

    if not local_url:
        return boto3.client(service)
    keys = {name.lower(): value for name, value in CREDENTIALS.items()}
    return boto3.client(service, endpoint_url=local_url, region_name=REGION, **keys)


def local_environment(url):
    """An environment in which every AWS tool talks to the local cloud and to nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept.update(
        CREDENTIALS, AWS_ENDPOINT_URL=url, AWS_DEFAULT_REGION=REGION, AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true", NO_PROXY="localhost", no_proxy="localhost",
        SAM_CLI_TELEMETRY="0", SAM_CLI_POLL_DELAY="0.5",
    )
    return kept


def quietly(command, environment):
    """Runs a command and shows what it said only if it failed."""
    ran = subprocess.run(command, cwd=tools.CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ran.returncode:
        stop("`%s` failed:" % " ".join(command[:2]), *ran.stdout.decode(errors="replace").splitlines()[-40:])


if __name__ == "__main__":
    tools.use()
    aws()
