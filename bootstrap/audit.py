"""`make audit`: what the service is linked with. Not part of CI: the tools compile for minutes, and the database of
known vulnerabilities is on GitHub, which a build machine need not reach."""

from __future__ import annotations

import tools
from console import step

CARGO_DENY = "0.20.2"
CARGO_AUDIT = "0.22.2"


def main():
    deny = tools.cargo_tool("cargo-deny", CARGO_DENY)
    with step("cargo deny: licences, duplicates, sources (deny.toml)"):
        tools.run([deny, "--locked", "check", "licenses", "bans", "sources"])
    with step("cargo deny: known vulnerabilities, crates that nobody keeps, yanked versions"):
        tools.run([deny, "--locked", "check", "advisories"])
    audit = tools.cargo_tool("cargo-audit", CARGO_AUDIT)
    with step("cargo audit: the same, of the lock file"):
        tools.run([audit, "audit"])


if __name__ == "__main__":
    tools.check_machine()
    main()
