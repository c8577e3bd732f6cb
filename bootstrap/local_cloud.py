"""Starts and stops a local cloud: one process, loopback only, with IAM enforcement on.

Each one has a name and a directory .local/<name>/ with its log and who it is (cloud.json). It is stopped by its
process id, and only if the process under that id is still the one that was started.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import tools
from console import stop

REGION = "us-east-1"
# The local cloud's root. It is known to nothing else in the world.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class LocalCloud:
    def __init__(self, name):
        self.name = name
        self.directory = tools.STATE / name
        self.log = self.directory / "cloud.log"
        self._file = self.directory / "cloud.json"

    @property
    def record(self):
        """Who the running one is: pid, its start time, port, endpoint of the functions. Empty when none runs."""
        try:
            record = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return record if record["started"] == started(record["pid"]) else {}

    @property
    def url(self):
        return "http://localhost:%d" % self.record["port"]

    def start(self, port, functions_endpoint=None, **environment):
        """Starts it on a free port and waits until it answers."""
        check_port(port)
        shutil.rmtree(self.directory, ignore_errors=True)
        for part in ("home", "tmp"):
            (self.directory / part).mkdir(parents=True)
        # Nothing is inherited: the functions get this environment too, and a proxy or a profile of the
        # person at the keyboard must not change what they do.
        clean = {
            "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.directory / "home"),
            "TMPDIR": str(self.directory / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).with_name("no_delay")),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "AWS_DEFAULT_REGION": REGION,
            # Where the functions find AWS: here, or at a proxy that stands in between.
            "AWS_ENDPOINT_URL": functions_endpoint or "http://localhost:%d" % port,
        }
        clean.update(CREDENTIALS, **environment)
        with open(str(self.log), "wb") as log:
            # A session of its own: Ctrl-C in the terminal is not meant for it.
            process = subprocess.Popen(
                [tools.tool("ministack")], env=clean, cwd=str(self.directory), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )
        self._file.write_text(json.dumps({
            "pid": process.pid, "started": started(process.pid), "port": port, "functions_endpoint": functions_endpoint,
        }))
        self._wait_until_ready(process)

    def _wait_until_ready(self, process):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            if process.poll() is not None:
                stop("The local cloud ended at once; the end of %s:" % self.log, *self.last_words())
            if self.answers():
                return
            time.sleep(0.05)
        self.stop()
        stop("The local cloud did not answer within a minute; the end of %s:" % self.log, *self.last_words())

    def answers(self):
        try:
            with urllib.request.urlopen(self.url + "/_localstack/health", timeout=2):
                return True
        except (OSError, urllib.error.URLError, KeyError):
            return False

    def last_words(self):
        return self.log.read_text(errors="replace").splitlines()[-15:]

    def stop(self):
        """Ends it and everything it started. Whether there was one to end."""
        pid = self.record.get("pid")
        if not pid:
            return False
        os.kill(pid, signal.SIGTERM)
        give_up = time.monotonic() + 15
        while self.record and time.monotonic() < give_up:
            time.sleep(0.05)
        # What did not go by itself, and functions that have not noticed yet: all in the session it was started in.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._file.unlink()
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)
        return True


def started(pid):
    """When the process under this id began, as the system counts it; nothing if it has ended."""
    if Path("/proc/self/stat").exists():
        try:
            state = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if state[0] == "Z" else state[19]
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], stdout=subprocess.PIPE).stdout.decode().split(None, 1)
    return None if not shown or shown[0].startswith("Z") else shown[1].strip()


def check_port(port):
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still fading is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            stop(
                "Port %d is in use by another program, so the local cloud cannot start there." % port,
                "See which one: lsof -i :%d" % port,
                "Stop it, or choose another port: make up LOCAL_CLOUD_PORT=%d" % free_port(),
            )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
