"""A real Prefect server for the local cloud's workers: on loopback, with a password, its database in .local/<name>/."""

from __future__ import annotations

import base64
import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import tools
from background import Background
from local_cloud import check_port

# Known to nothing else in the world, as the local cloud's root is.
AUTH_STRING = "admin:made-up-for-the-local-cloud"


def install():
    """The directory of the commands that Prefect's own images bring."""
    return tools.install(Path(__file__).with_name("requirements-prefect.txt"), "venv-prefect") / "bin"


class PrefectServer(Background):
    kind = "prefect"

    def __init__(self, name):
        super().__init__(name, "The Prefect server")

    def start(self, port, commands):
        """Starts it with an empty database. It answers some seconds later: `wait`."""
        check_port(port, "the Prefect server", "PREFECT_PORT")
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        database = self.directory / "prefect.db"
        environment = {
            "PATH": os.pathsep.join([str(commands), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "PREFECT_HOME": str(self.directory),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///%s" % database,
            "PREFECT_SERVER_API_AUTH_STRING": AUTH_STRING,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        command = [commands / "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
        self.process = self.launch(command, environment, port=port)

    def wait(self):
        self.wait_until_ready(self.process, patience=120)

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.record["port"]

    @property
    def api_url(self):
        return self.url + "/api"

    def answers(self):
        try:
            return self.ask("GET", "/health") is True
        except (OSError, KeyError, ValueError):
            return False

    def ask(self, method, path, body=None):
        """What the server's API answers; an HTTPError where it refuses."""
        token = base64.b64encode(AUTH_STRING.encode()).decode()
        request = urllib.request.Request(
            self.api_url + path, None if body is None else json.dumps(body).encode(),
            {"content-type": "application/json", "authorization": "Basic " + token}, method=method,
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def worker_online(self, pool):
        """The pool and the worker of it that is online, as Prefect tells of them; nothing while there is none."""
        try:
            workers = self.ask("POST", "/work_pools/%s/workers/filter" % pool, {})
            online = [worker for worker in workers if worker["status"] == "ONLINE"]
            return (self.ask("GET", "/work_pools/%s" % pool), online[0]) if online else None
        except urllib.error.HTTPError as refused:
            if refused.code != 404:
                raise
            return None
