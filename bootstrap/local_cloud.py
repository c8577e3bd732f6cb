"""Starts and stops a local cloud: one process, loopback only, with IAM enforcement on.

Each one has a name and a directory .local/<name>/, see background.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import tools
from background import Background
from console import stop

REGION = "us-east-1"
# The local cloud's root. It is known to nothing else in the world.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class LocalCloud(Background):
    kind = "cloud"

    def __init__(self, name):
        super().__init__(name, "The local cloud")

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
            "PYTHONPATH": str(Path(__file__).with_name("in_the_local_cloud")),
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
        process = self.launch([tools.tool("ministack")], clean, port=port, functions_endpoint=functions_endpoint)
        self.wait_until_ready(process)

    def warm_up(self):
        """Asks for a service that it lacks: it then reads all of itself, which would hold up whoever asks first."""
        request = urllib.request.Request(self.url, b"{}", {"x-amz-target": "ServiceQuotasV20190624.GetServiceQuota", "authorization": (
            "AWS4-HMAC-SHA256 Credential=test/20260101/%s/servicequotas/aws4_request, SignedHeaders=host, Signature=0" % REGION)})
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=60).close()

    def answers(self):
        try:
            with urllib.request.urlopen(self.url + "/_localstack/health", timeout=2):
                return True
        except (OSError, urllib.error.URLError, KeyError):
            return False

    def stop(self):
        """Ends it and the functions that it started. Whether there was one to end."""
        ended = super().stop()
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)
        return ended


def check_port(port, what="the local cloud", setting="LOCAL_CLOUD_PORT"):
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still fading is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            stop(
                "Port %d is in use by another program, so %s cannot start there." % (port, what),
                "See which one: lsof -i :%d" % port,
                "Stop it, or choose another port: make up %s=%d" % (setting, free_port()),
            )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
