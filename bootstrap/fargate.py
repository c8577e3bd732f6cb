"""The stand-in for Fargate (tests/fargate): the local cloud's tasks as processes of this machine."""

from __future__ import annotations

import shutil
import socket
import tempfile

import tools
from background import Background
from build import target_directory
from local_cloud import REGION

# The local cloud waits for its answers: a task may have two minutes to stop.
PATIENCE = 150


class Fargate(Background):
    kind = "fargate"

    def __init__(self, name):
        super().__init__(name, "The stand-in for Fargate")

    def start(self, cloud_port, commands, aws_endpoint=None):
        """Starts it for the local cloud that is to come on that port. What the cloud must know of it, as its environment.

        `commands` is the directory of what the tasks' images bring; `aws_endpoint` is where tasks find AWS.
        """
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        cloud = "http://localhost:%d" % cloud_port
        # A socket's path must be short, and a checkout's may be long. Nobody else can enter this directory.
        directory = tempfile.mkdtemp(prefix="fargate-")
        command = [
            target_directory() / "debug" / "fargate", directory + "/docker.sock", self.directory / "containers", commands,
            cloud, aws_endpoint or cloud, REGION,
        ]
        process = self.launch(command, {}, socket_directory=directory)
        self.wait_until_ready(process)
        return self.environment()

    def environment(self):
        return {"DOCKER_HOST": "unix://%s" % self._socket(), "MINISTACK_DOCKER_TIMEOUT": str(PATIENCE)}

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return bool(self.record) and probe.connect_ex(self._socket()) == 0

    def stop(self):
        """Ends it and every task. Whether there was one to end."""
        directory = self.record.get("socket_directory")
        ended = super().stop()
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
        return ended

    def _socket(self):
        return self.record["socket_directory"] + "/docker.sock"
