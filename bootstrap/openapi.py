"""Requests made from openapi.json, good and bad ones, to the deployed API: it must answer what the document says.

Run by `make test` after the other tests; `make test TESTS=openapi` sends these alone. Every request is signed. Those that
could make environments ask for one and the same, so that there is never more than one, and it is deleted in the end.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import tools
from console import step

DOCUMENT = tools.CHECKOUT / "openapi.json"
SECONDS = 75
TEAM = "openapi"
SEED_IN_CI = 20261124
LEFT_OUT = [
    # What a schema cannot say is no mistake of the document: that cpu and memory fit together, that a name is free.
    "positive_data_acceptance",
    # It wants a 401 for a missing signature, and API Gateway answers 403. That nobody is let in is `ignored_auth`.
    "missing_required_header",
    # A deleted environment is still shown, for 400 days.
    "use_after_free",
]


def check(api_url, region, seconds=SECONDS):
    """Sends the requests. The exit code of schemathesis."""
    venv = tools.install(Path(__file__).with_name("requirements-openapi.txt"), "venv-openapi")
    environment = dict(
        os.environ,
        SCHEMATHESIS_HOOKS="openapi_hooks",
        PYTHONPATH=str(Path(__file__).parent),
        API_REGION=region,
        API_TEAM=TEAM,
    )
    settings = Path(__file__).with_name("schemathesis.toml")
    command = [venv / "bin" / "st", "--config-file", settings, "run", DOCUMENT, "--url", api_url]
    command += ["--max-time", seconds, "--workers", 1]
    command += ["--checks", "all", "--exclude-checks", ",".join(LEFT_OUT), "--generation-database", "none", "--no-color"]
    command += ["--suppress-health-check", "all", "--request-timeout", 29]
    if tools.IN_CI:
        # Whether a change is merged must not hang on luck.
        command += ["--seed", SEED_IN_CI]
    try:
        return subprocess.run([str(part) for part in command], cwd=tools.STATE, env=environment).returncode
    finally:
        clean_up(venv, environment, api_url)


def clean_up(venv, environment, api_url):
    with step("Delete what those requests have made"):
        hooks = Path(__file__).with_name("openapi_hooks.py")
        subprocess.run([str(venv / "bin" / "python"), str(hooks), api_url], env=environment, check=True)
