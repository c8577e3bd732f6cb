"""Prints the base job template of an `ecs` work pool as the installed prefect-aws has it: what lies beside this file.

    python3 -m venv tools && tools/bin/pip install "prefect==3.8.8" "prefect-aws==0.7.12"
    tools/bin/python crates/prefect/base_job_template/freeze.py > crates/prefect/base_job_template/prefect-aws-0.7.12.json

It is frozen because what a Prefect server itself bundles may be older: servers of 3.8.8 lack the variables for the secrets.
A newer one gets a file of its own name; src/base_job_template.rs says which one is used.
"""

import json
import sys

from prefect_aws.workers.ecs_worker import ECSWorker

if __name__ == "__main__":
    json.dump(ECSWorker.get_default_base_job_template(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
