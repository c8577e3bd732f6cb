# Needs Rust, Python 3.10 or newer and make. Everything else is installed into .local/ of this checkout.
PYTHON ?= python3
# Settings reach the scripts as variables: make up LOCAL_CLOUD_PORT=4600

.PHONY: help up down test unit flows faults bench crowd lint audit fuzz package deploy teardown strays clean
help:           ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
up:             ## start everything locally, Prefect included, and create a sample environment
	@$(PYTHON) bootstrap/up.py
down:           ## stop what `make up` started
	@$(PYTHON) bootstrap/down.py
test:           ## every test, with a local cloud of its own (TESTS="-p end-to-end" for some)
	@$(PYTHON) bootstrap/run_tests.py $(TESTS)
unit:           ## the tests that need no local cloud, but for the 10,000 generated bodies
	cargo test --workspace --lib --test nothing_escapes --test state_machine -- --skip generated
	cargo test --manifest-path tests/fargate/Cargo.toml --target-dir $${CARGO_TARGET_DIR:-target}
flows:          ## flow runs in an environment with a real worker and Prefect server: the last part of `make test`
	@$(PYTHON) bootstrap/prefect_for_real.py $(TESTS)
faults:         ## every fault at every call of an environment's life (FAULTS="create/network" for some, FAULTS_PART=1/3, FAULTS_SECOND=7)
	@$(PYTHON) bootstrap/faults.py $(FAULTS)
bench:          ## what each life takes in AWS's own time, and its calls; what requests and cold starts take
	@$(PYTHON) bootstrap/bench.py
crowd:          ## fifty environments at once, while AWS asks to slow down; twenty on one real Prefect server
	@$(PYTHON) bootstrap/crowd.py
lint:           ## templates and state machine
	@$(PYTHON) bootstrap/lint.py
audit:          ## dependencies: licences, duplicates, sources, known vulnerabilities
	@$(PYTHON) bootstrap/audit.py
fuzz:           ## random bodies against the request parser (FUZZ_SECONDS=600 for longer)
	@$(PYTHON) bootstrap/fuzz.py
package:        ## compile the functions for AWS (ARCHITECTURE=x86_64 or arm64)
	@$(PYTHON) bootstrap/build.py
deploy:         ## deploy what was packaged to the account of your AWS profile, as samconfig.toml says
	@$(PYTHON) bootstrap/deploy.py
teardown:       ## take the service out of that account; refused while environments are alive
	@$(PYTHON) bootstrap/teardown.py
strays:         ## what carries this stack's tag and belongs to no living environment (REMOVE=<environment id> removes it)
	@$(PYTHON) bootstrap/strays.py $(REMOVE)
clean: down     ## remove the local tools, state and packages; compiled dependencies stay
	rm -rf .local target/lambda
