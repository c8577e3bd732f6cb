"""`make crowd`: fifty environments at once on the deployed stack, while AWS's APIs ask to slow down; then twenty on one real
Prefect server, each with a real worker."""

from __future__ import annotations

import prefect_for_real
import run_tests
import tools

if __name__ == "__main__":
    tools.use()
    # In AWS's own time, so that its buckets empty and fill as they would.
    code = run_tests.main(["--workspace", "--test", "crowd"], time_scale=1, throttling="true")
    raise SystemExit(prefect_for_real.main(["twenty", "--", "--ignored"]) or code)
