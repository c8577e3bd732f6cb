"""`make down`: stops what `make up` started: the tasks, the local cloud and everything in it, the Prefect server."""

from __future__ import annotations

from console import say
from fargate import Fargate
from local_cloud import LocalCloud
from prefect_server import PrefectServer


def main():
    # The tasks first: a service would replace them.
    ended = [part.what for part in (Fargate("fargate"), LocalCloud("cloud"), PrefectServer("prefect")) if part.stop()]
    for what in ended:
        say("%s is stopped." % what)
    if not ended:
        say("Nothing of this checkout runs.")


if __name__ == "__main__":
    main()
