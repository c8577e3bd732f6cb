"""`make fuzz`: random bodies against the request parser and every validator, guided by what they reach.

What is found stays in fuzz/artifacts/, what reaches something new in fuzz/corpus/.
"""

from __future__ import annotations

import os

import tools
from console import step

CARGO_FUZZ = "0.13.2"
TARGET = "request"


def main():
    fuzz = tools.cargo_tool("cargo-fuzz", CARGO_FUZZ)
    # Sanitizers are for nightly compilers; this lets the pinned one have them.
    environment = dict(os.environ, RUSTC_BOOTSTRAP="1", CARGO_TARGET_DIR=str(tools.STATE / "fuzz-target"))
    corpus = tools.CHECKOUT / "fuzz" / "corpus" / TARGET
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = tools.CHECKOUT / "fuzz" / "seeds" / TARGET
    # The largest body that the API reads.
    limits = ["-max_total_time=" + os.environ.get("FUZZ_SECONDS", "60"), "-max_len=65536"]
    with step("cargo fuzz run " + TARGET):
        tools.run([fuzz, "fuzz", "run", TARGET, corpus, seeds, "--"] + limits, env=environment)


if __name__ == "__main__":
    tools.check_machine()
    main()
