"""`make lint`: the template, the account's stack and the state machine, each by the linters that know it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import tools
from build import FUNCTIONS
from console import say, step

ASL_VALIDATOR = "asl-validator@4.0.0"


def main():
    environment = dict(os.environ, SAM_CLI_TELEMETRY="0", AWS_DEFAULT_REGION="us-east-1")
    with step("sam validate --lint"):
        tools.run([tools.tool("sam"), "validate", "--lint"], env=environment)
    with step("cfn-lint"):
        examples = sorted(str(example) for example in Path("docs/examples").glob("*.json"))
        tools.run([tools.tool("cfn-lint"), "template.yaml", "bootstrap/account.yaml"] + examples)
    with step("checkov (what it is not asked about, and why: bootstrap/checkov.yaml)"):
        checkov = tools.install(Path(__file__).with_name("requirements-lint.txt"), "venv-lint") / "bin" / "checkov"
        files = ["-f", "template.yaml", "-f", "bootstrap/account.yaml"]
        tools.run([checkov, "--config-file", "bootstrap/checkov.yaml"] + files)
    for source in sorted((tools.CHECKOUT / "state-machine").glob("*.asl.json")):
        definition, template = state_machine(source)
        with step("cfn-lint on %s" % source.name):
            tools.run([tools.tool("cfn-lint"), template])
        if shutil.which("npx"):
            with step("%s on %s" % (ASL_VALIDATOR, source.name)):
                tools.run(["npx", "--yes", ASL_VALIDATOR, "--json-path", definition])
        else:
            say("==> %s skipped: npx (Node.js) is missing" % ASL_VALIDATOR)


def state_machine(source):
    """The definition as CloudFormation will hand it over, alone and in a template (cfn-lint reads only those)."""
    directory = tools.STATE / "lint"
    directory.mkdir(parents=True, exist_ok=True)
    text = source.read_text()
    for name in FUNCTIONS:
        text = text.replace("${%sFunctionArn}" % name.title(), "arn:aws:lambda:us-east-1:123456789012:function:%s" % name)
    left = re.findall(r"\$\{\w+\}", text)
    if left:
        raise SystemExit("The state machine uses %s, which template.yaml does not substitute." % ", ".join(left))
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/machine", "Definition": json.loads(text)},
    }
    definition, template = directory / source.name, directory / "template.json"
    definition.write_text(text)
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"StateMachine": machine}}, indent=1))
    return definition, template


if __name__ == "__main__":
    tools.use()
    main()
