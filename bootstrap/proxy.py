"""The proxy that makes a local cloud AWS for the functions (tests/proxy): one process, loopback only."""

from __future__ import annotations

import socket
import subprocess
import time

import tools
from build import target_directory
from console import stop


class Proxy:
    """Listens on `port`; its journal of the calls is .local/<name>/journal.jsonl."""

    def __init__(self, name="proxy"):
        self.directory = tools.STATE / name
        self.journal = self.directory / "journal.jsonl"
        self._log = self.directory / "proxy.log"
        self._process = None

    def start(self, port, cloud_port, **rules):
        """Starts it. The cloud behind it may come later. `rules` say how strict and how slow AWS is (tests/proxy/settings.rs);
        `off=True`: no rules, a journal only."""
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [target_directory() / "debug" / "proxy", port, cloud_port, self.journal]
        with open(str(self._log), "wb") as log:
            # A session of its own: Ctrl-C in the terminal is not meant for it.
            self._process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"RULES_" + name.upper(): str(value) for name, value in rules.items()},
            )
        give_up = time.monotonic() + 10
        while not listens(port):
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                stop("The proxy did not start; the end of %s:" % self._log, *self._log.read_text().splitlines()[-15:])
            time.sleep(0.02)
        return "http://localhost:%d" % port

    def stop(self):
        """Ends the process that was started here, if one was."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
