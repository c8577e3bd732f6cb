"""The template as CloudFormation would process it for given parameters, for the tests of its policies.

The SAM transform is the one that AWS runs; the intrinsic functions are resolved here. What a template may not
know before it is deployed (an ARN with a random part) stands as a readable placeholder.
"""

from __future__ import annotations

import copy
import json
import logging
import re

import tools

PSEUDO = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
NO_VALUE = object()
# The deployments whose policies are judged: the parameters that differ from the template's defaults.
VARIANTS = {
    "aws": {},
    "flow-policies": {"FlowPolicies": "arn:aws:iam::{account}:policy/flows-read,arn:aws:iam::{account}:policy/flows-write"},
    "no-boundary": {"PermissionsBoundary": "none"},
    "local-cloud": {"LocalCloud": "true"},
}


def write(file, stack, account, region, names):
    """Every variant, as JSON. `names` are the physical names of resources that the tests meet in calls."""
    variants = {
        variant: processed({key: value.format(account=account) for key, value in chosen.items()}, stack, account, region, names)
        for variant, chosen in VARIANTS.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(variants, indent=1))


def processed(parameters, stack, account, region, names):
    from samcli.yamlhelper import yaml_parse

    template = yaml_parse((tools.CHECKOUT / "template.yaml").read_text())
    defaults = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    given = dict(PSEUDO, **{"AWS::StackName": stack, "AWS::AccountId": account, "AWS::Region": region})
    for name, value in dict(defaults, **parameters).items():
        is_list = template["Parameters"][name]["Type"] == "CommaDelimitedList"
        given[name] = str(value).split(",") if is_list else str(value)
    template = transformed(template, given)
    resolver = Resolver(template, given, names)
    there = {
        name: resolver.resolve(resource)
        for name, resource in template["Resources"].items()
        if resolver.condition(resource.get("Condition"))
    }
    return {"Resources": there}


def transformed(template, given):
    """What the transform AWS::Serverless makes of it."""
    import boto3
    from samtranslator.public.parser import Parser
    from samtranslator.translator.translator import Translator

    # It complains that nobody collects its own statistics.
    logging.getLogger("samtranslator").addHandler(logging.NullHandler())
    session = boto3.session.Session(region_name=given["AWS::Region"])
    template = copy.deepcopy(template)
    # It wants packages in S3; nobody reads them here.
    for resource in template["Resources"].values():
        for place in ("CodeUri", "DefinitionUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://packages/package"
    values = {name: given[name] for name in template["Parameters"]}
    return Translator({}, Parser(), boto_session=session).translate(template, values)


class Resolver:
    def __init__(self, template, given, names):
        self._template, self._given, self._names = template, given, names

    def resolve(self, value):
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref":
                return self._ref(argument)
            if function.startswith("Fn::"):
                return getattr(self, "_" + function[4:].lower())(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def condition(self, name):
        return name is None or self.resolve(self._template["Conditions"][name])

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._given[name] if name in self._given else self._physical(name)

    def _physical(self, name):
        properties = self._template["Resources"][name].get("Properties", {})
        own = [properties[key] for key in ("FunctionName", "LogGroupName", "StateMachineName") if key in properties]
        if self._template["Resources"][name]["Type"] == "AWS::IAM::ManagedPolicy":
            return self._arn("iam", "policy/" + name, region="")
        return self._names.get(name) or (self.resolve(own[0]) if own else name)

    def _getatt(self, path):
        name, attribute = path.split(".", 1) if isinstance(path, str) else path
        kind = self._template["Resources"][name]["Type"]
        arns = {
            "AWS::DynamoDB::Table": ("dynamodb", "table/%s"),
            "AWS::Lambda::Function": ("lambda", "function:%s"),
            "AWS::Logs::LogGroup": ("logs", "log-group:%s:*"),
            "AWS::IAM::Role": ("iam", "role/%s"),
            "AWS::StepFunctions::StateMachine": ("states", "stateMachine:%s"),
        }
        if attribute == "Arn" and kind in arns:
            service, form = arns[kind]
            return self._arn(service, form % self._physical(name), **({"region": ""} if service == "iam" else {}))
        return "%s.%s" % (name, attribute)

    def _arn(self, service, resource, region=None):
        region = self._given["AWS::Region"] if region is None else region
        return "arn:aws:%s:%s:%s:%s" % (service, region, self._given["AWS::AccountId"], resource)

    def _sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = {name: self.resolve(value) for name, value in own.items()}

        def value(match):
            name = match.group(1)
            if name in own:
                return own[name]
            return self._getatt(name) if "." in name else self._ref(name)

        return re.sub(r"\$\{([^!}]+)\}", value, text)

    def _if(self, argument):
        name, yes, no = argument
        return self.resolve(yes if self.condition(name) else no)

    def _equals(self, argument):
        one, other = map(self.resolve, argument)
        return one == other

    def _not(self, argument):
        return not self._holds(argument[0])

    def _and(self, argument):
        return all(map(self._holds, argument))

    def _or(self, argument):
        return any(map(self._holds, argument))

    def _holds(self, argument):
        return self.condition(argument["Condition"]) if list(argument) == ["Condition"] else self.resolve(argument)

    def _join(self, argument):
        return argument[0].join(self.resolve(argument[1]))

    def _split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def _select(self, argument):
        return self.resolve(argument[1])[int(argument[0])]
