"""`make bench`: what each life takes in AWS's own time and its calls; then, on local clouds of its own, what requests read and
write and take, and how the functions start. The binaries are optimised as those that go to AWS."""

from __future__ import annotations

import os
import sys

import build
import faults
import run_tests
import tools
from cargo_test import INTERRUPTED
from console import step


def main():
    code = faults.main(["figures"])
    with step("Compile the functions and a hello-world function as for AWS (cargo build --release)"):
        names = [part for name in build.FUNCTIONS for part in ("-p", name)]
        tools.run(["cargo", "build", "--release", "--locked"] + names)
        tools.run(["cargo", "build", "--release", "--locked", "-p", "engine", "--example", "hello_world"])
    os.environ["BENCH_BINARIES"] = str(build.target_directory() / "release")
    bench = ["--workspace", "--test", "bench", "--", "--test-threads=1"]
    # On a stack of its own each: the callers let operations do nothing, and that is for good.
    for part in (["--skip", "callers"], ["callers"]):
        result = run_tests.main(bench + part)
        if result == INTERRUPTED:
            return result
        code = result or code
    return code


if __name__ == "__main__":
    tools.use()
    sys.exit(main())
