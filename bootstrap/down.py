"""`make down`: stops the local cloud of `make up`, and with it everything in it."""

from __future__ import annotations

from console import say
from local_cloud import LocalCloud

if __name__ == "__main__":
    say("The local cloud is stopped." if LocalCloud("cloud").stop() else "No local cloud of this checkout runs.")
