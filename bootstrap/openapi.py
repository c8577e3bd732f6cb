"""Requests made from openapi.json, good and bad ones, to the deployed API: it must answer what the document says.

Run by `make test` after the other tests. Every request is signed; those that make environments make them for one team,
whose limit keeps them few, and what was made is deleted in the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import tools
from console import say, step

DOCUMENT = tools.CHECKOUT / "openapi.json"
SECONDS = 75
TEAM = "openapi"
# What the document cannot say is not its mistake: that cpu and memory fit together, or that a name is free.
LEFT_OUT = "positive_data_acceptance"


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
    command = [venv / "bin" / "st", "run", DOCUMENT, "--url", api_url, "--max-time", seconds, "--workers", 2]
    command += ["--checks", "all", "--exclude-checks", LEFT_OUT, "--generation-database", "none", "--no-color"]
    command += ["--suppress-health-check", "all", "--request-timeout", 29]
    try:
        return subprocess.run([str(part) for part in command], cwd=tools.STATE, env=environment).returncode
    finally:
        clean_up(venv, environment, api_url)


def clean_up(venv, environment, api_url):
    with step("Delete what those requests have made"):
        hooks = Path(__file__).with_name("openapi_hooks.py")
        subprocess.run([str(venv / "bin" / "python"), str(hooks), api_url], env=environment, check=True)
