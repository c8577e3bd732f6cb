"""Processes that go on when the script has ended. Each has a directory .local/<name>/ with its log and who it is.

Each is stopped by its process id, and only if the process under that id is still the one that was started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import tools
from console import stop


class Background:
    def __init__(self, name, what):
        self.name = name
        self.what = what
        self.directory = tools.STATE / name
        self.log = self.directory / ("%s.log" % self.kind)
        self._file = self.directory / ("%s.json" % self.kind)

    @property
    def record(self):
        """Who the running one is: pid, its start time, and what it was started with. Empty when none runs."""
        try:
            record = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return record if record["started"] == started(record["pid"]) else {}

    def launch(self, command, environment, **known):
        """Starts it and waits until it answers. `environment` is all that it inherits."""
        with open(str(self.log), "wb") as log:
            # A session of its own: Ctrl-C in the terminal is not meant for it.
            process = subprocess.Popen(
                [str(part) for part in command], env=environment, cwd=str(self.directory), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )
        self._file.write_text(json.dumps(dict(known, pid=process.pid, started=started(process.pid))))
        return process

    def wait_until_ready(self, process, patience=60):
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            if process.poll() is not None:
                stop("%s ended at once; the end of %s:" % (self.what, self.log), *self.last_words())
            if self.answers():
                return
            time.sleep(0.05)
        self.stop()
        stop("%s did not answer within %d s; the end of %s:" % (self.what, patience, self.log), *self.last_words())

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
        # What did not go by itself, and what it started that has not noticed yet: all in its session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._file.unlink()
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
