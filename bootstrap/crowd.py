"""`make crowd`: fifty environments at once on the deployed stack, while AWS's APIs ask to slow down."""

from __future__ import annotations

import run_tests
import tools

if __name__ == "__main__":
    tools.use()
    # In AWS's own time, so that its buckets empty and fill as they would.
    raise SystemExit(run_tests.main(["--workspace", "--test", "crowd"], time_scale=1, throttling="true"))
