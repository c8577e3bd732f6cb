"""Compiles the six functions and puts each where template.yaml looks for it: target/lambda/<name>/bootstrap."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess

import tools
from console import say, step, stop

FUNCTIONS = ("api", "operation", "network", "identity", "cluster", "worker")
PACKAGES = tools.CHECKOUT / "target" / "lambda"
# The C library of provided.al2023. A binary that wants a newer one does not start there.
GLIBC = (2, 34)
RUST_NAMES = {"x86_64": "x86_64", "arm64": "aarch64"}


def build():
    """For the local cloud: the same profile and features as the tests, so that everything is compiled once."""
    locked = ["--locked"] if tools.IN_CI else []
    tools.run(["cargo", "build", "--workspace"] + locked)
    place(target_directory() / "debug")


def build_fargate():
    """The stand-in for Fargate: a workspace of its own, in the same directory."""
    locked = ["--locked"] if tools.IN_CI else []
    manifest = tools.CHECKOUT / "tests" / "fargate" / "Cargo.toml"
    tools.run(["cargo", "build", "--manifest-path", manifest, "--target-dir", target_directory()] + locked)


def package(architecture):
    """For AWS: small, optimised, against Lambda's own C library."""
    target = RUST_NAMES[architecture] + "-unknown-linux-gnu"
    names = [part for name in FUNCTIONS for part in ("-p", name)]
    tools.run(["cargo", "zigbuild", "--release", "--locked", "--target", "%s.%d.%d" % ((target,) + GLIBC)] + names)
    place(target_directory() / target / "release")
    for name in FUNCTIONS:
        binary = PACKAGES / name / "bootstrap"
        check_glibc(binary)
        say("    %-10s %5.1f MB" % (name, binary.stat().st_size / 1e6))


def target_directory():
    metadata = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    found = subprocess.run(metadata, cwd=tools.CHECKOUT, check=True, stdout=subprocess.PIPE)
    return tools.Path(json.loads(found.stdout)["target_directory"])


def place(compiled):
    for name in FUNCTIONS:
        there = PACKAGES / name / "bootstrap"
        made, placed = (compiled / name).stat(), there.stat() if there.exists() else None
        if placed and (made.st_size, made.st_mtime_ns) == (placed.st_size, placed.st_mtime_ns):
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        beside = there.with_name(".bootstrap.%d" % os.getpid())
        shutil.copy2(str(compiled / name), str(beside))
        beside.replace(there)


def architecture_of(binary):
    """What the ELF header says: the deploy must not claim another processor than was compiled for."""
    with open(str(binary), "rb") as file:
        header = file.read(20)
    machines = {0x3E: "x86_64", 0xB7: "arm64"}
    machine = int.from_bytes(header[18:20], "little")
    if header[:4] != b"\x7fELF" or machine not in machines:
        stop("%s is no Linux binary for x86_64 or arm64." % binary, "Build it with: make package")
    return machines[machine]


def check_glibc(binary):
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", binary.read_bytes())
    newest = max((int(major), int(minor)) for major, minor in versions) if versions else (0, 0)
    if newest > GLIBC:
        stop(
            "%s needs glibc %d.%d; Lambda's provided.al2023 has %d.%d." % ((binary,) + newest + GLIBC),
            "Build it with: make package",
        )


if __name__ == "__main__":
    tools.use("requirements-package.txt", "venv-package")
    os.environ["PATH"] = "%s%s%s" % (os.path.dirname(tools.tool("x")), os.pathsep, os.environ["PATH"])
    host = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    chosen = os.environ.get("ARCHITECTURE") or host
    if chosen not in RUST_NAMES:
        stop("%r is no processor that Lambda has." % chosen, "ARCHITECTURE=x86_64 or ARCHITECTURE=arm64")
    with step("Compile the functions for Lambda on %s" % chosen):
        package(chosen)
