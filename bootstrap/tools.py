"""The pinned tools: checks what the machine must have, and keeps a virtual environment with the rest."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from console import step, stop

CHECKOUT = Path(__file__).resolve().parent.parent
STATE = CHECKOUT / ".local"
IN_CI = os.environ.get("CI", "").lower() == "true"
# CI starts from a clean checkout each time; what takes minutes to make is kept beside it.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prefect-environments"


def check_machine():
    """Rust, a linker and a Python that is new enough: all that a fresh machine must bring."""
    if sys.version_info < (3, 10):
        stop(
            "Python %d.%d is too old: 3.10 or newer is needed." % sys.version_info[:2],
            "Install one and name it: make up PYTHON=python3.12",
        )
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    if not shutil.which("cargo") and (cargo_home / "bin" / "cargo").exists():
        os.environ["PATH"] = "%s%s%s" % (cargo_home / "bin", os.pathsep, os.environ["PATH"])
    if not shutil.which("cargo"):
        stop("cargo is missing.", "Install Rust from https://rustup.rs and start again in a new shell.")
    if not shutil.which("cc"):
        stop(
            "A C compiler is missing; Rust links with it.",
            "Debian, Ubuntu: apt install build-essential     Fedora: dnf install gcc     macOS: xcode-select --install",
        )
    if IN_CI:
        os.environ.setdefault("CARGO_TARGET_DIR", str(CACHE / "target"))


def use(requirements="requirements.txt", venv="venv"):
    """Goes on inside the virtual environment with these requirements, which is made if it is not there."""
    check_machine()
    venv = install(Path(__file__).with_name(requirements), venv)
    if Path(sys.prefix).resolve() != venv.resolve():
        sys.stdout.flush()
        # Python finds its environment by the name that it is called by.
        python = str(venv / "bin" / "python")
        os.execv(python, [python] + sys.argv)


def install(requirements, name="venv"):
    """The virtual environment's directory. A change of the requirements makes it anew."""
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    venv = CACHE / ("%s-%s" % (name, wanted[:16])) if IN_CI else STATE / name
    complete = venv / "complete"
    if complete.exists() and complete.read_text() == wanted:
        return venv
    with step("Install the pinned tools of %s into %s" % (requirements.name, venv)):
        shutil.rmtree(venv, ignore_errors=True)
        venv.parent.mkdir(parents=True, exist_ok=True)
        if subprocess.run([sys.executable, "-m", "venv", str(venv)], stdout=subprocess.DEVNULL).returncode:
            shutil.rmtree(venv, ignore_errors=True)
            stop("Python cannot make a virtual environment.", "Debian, Ubuntu: apt install python3-venv")
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run(pip + ["-r", str(requirements)]).returncode:
            shutil.rmtree(venv, ignore_errors=True)
            stop("pip could not install %s; its message is above." % requirements, "Can this machine reach its package index?")
        complete.write_text(wanted)
    return venv


def cargo_tool(name, version):
    """The path of a cargo subcommand of this version; compiled into a directory of its own, which takes minutes."""
    root = (CACHE if IN_CI else STATE) / "cargo" / ("%s-%s" % (name, version))
    command = root / "bin" / name
    if not command.exists():
        with step("Compile %s %s into %s" % (name, version, root)):
            run(["cargo", "install", "--quiet", "--locked", "--version", "=" + version, "--root", root, name])
    return command


def tool(name):
    """The path of a command that the virtual environment brings."""
    return str(Path(sys.prefix) / "bin" / name)


def run(command, **options):
    """Runs a command whose output people should see; its failure ends the script with the same code."""
    code = subprocess.run([str(part) for part in command], cwd=CHECKOUT, **options).returncode
    if code:
        raise SystemExit(code)
