# One entry for people and for CI: `make help` lists what there is.
# Everything lands in .venv, build and the user's cache; `make clean` removes the first two.

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
N ?= 1000
KEEP ?=
ARGS ?=
IMAGE ?= certwright:dev
# Floors that judge: a line or branch of them that no test walks is a verdict nobody has seen.
COVERED := pki validation dialects api reconcile
COVERAGE_FLOOR := 97

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
.PHONY: help setup lock lint format types imports unit cluster scenario test control-plane demo bench bench-validate bench-trust bench-set differential crds docs image clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## create .venv with everything in requirements.lock (any other target does it when needed)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'certwright needs Python 3.11 or newer; none is on PATH. Name one: make setup PYTHON=…/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'certwright needs Python 3.11 or newer; $(PYTHON) is older, or no Python' >&2; exit 1; }
	@echo "setup: creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo 'the venv module of $(PYTHON) does not work; on Debian: apt-get install python3-venv' >&2; rm -rf $(VENV); exit 1; }

$(READY): requirements.lock pyproject.toml | $(BIN)/python
# Without resolving: the lock is whole, and pip takes `coverage[toml]` for another package than the `coverage` in it.
	@echo 'setup: installing requirements.lock'
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
		$(BIN)/python -m pip check; \
	fi
	@touch $@

lock: ## choose the newest versions that pyproject.toml allows and write requirements.lock
	@test -x build/uv/bin/uv || { python3 -m venv build/uv && build/uv/bin/pip install --quiet --disable-pip-version-check uv; }
	@build/uv/bin/uv pip compile pyproject.toml --group dev --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock
	@echo "lock: $$(grep -c '^[a-z]' requirements.lock) packages"

lint: $(READY) ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(READY) ## let ruff mend what it can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: $(READY) ## mypy, strict: the package, and the programs beside it
	@$(BIN)/mypy
	@$(BIN)/mypy -p tests.bench -p tests.support.demo -p tests.support.reference -p tests.support.control_plane

imports: $(READY) ## the floors: who may import whom
	@$(BIN)/lint-imports --no-logo

unit: $(READY) ## tests without a cluster; ARGS="-k name -x" goes to pytest
	@$(BIN)/pytest tests/unit $(ARGS)

cluster: control-plane ## tests on a real control plane
	@$(BIN)/pytest tests/cluster $(ARGS)

scenario: control-plane ## stories, each in memory and on a real control plane
	@$(BIN)/pytest tests/scenario $(ARGS)

test: control-plane lint types imports ## everything CI runs: lint, types, imports, all tests, coverage and its floor
	@$(BIN)/coverage erase
	@$(BIN)/pytest --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report || true
	@for floor in $(COVERED); do \
		printf 'coverage of %-10s ' $$floor; \
		$(BIN)/coverage report --include="operator/certwright/$$floor/*" --format=total --precision=1 \
			--fail-under=$(COVERAGE_FLOOR) || exit 1; \
	done

control-plane: $(READY) ## build etcd, the API server and kubectl for tests, once (about 6 minutes)
	@$(BIN)/python -m tests.support.control_plane build

demo: control-plane ## the whole thing live in a minute; KEEP=1 leaves it running
	@KEEP=$(KEEP) $(BIN)/python -m tests.support.demo

bench: control-plane ## measure against the API server's floor; N=10000 for the published figures
	@$(BIN)/python -m tests.bench --objects $(N) $(ARGS)

bench-validate: $(READY) ## measure the validator, beside OpenSSL and pyhanko-certvalidator
	@$(BIN)/python -m tests.bench.validate $(ARGS)

bench-trust: control-plane ## measure one store to 300 and to 1,000 namespaces; ARGS="--namespaces 5000"
	@$(BIN)/python -m tests.bench.trust $(ARGS)

bench-set: N := 100
bench-set: SLOTS ?= 3
bench-set: control-plane ## measure the replacement of a set of 3 certificates in N namespaces (100); SLOTS=64 N=31
	@$(BIN)/python -m tests.bench.sets --slots $(SLOTS) --namespaces $(N) $(ARGS)

differential: $(READY) ## compare verdicts on N random PKIs with OpenSSL's and pyhanko-certvalidator's; ARGS="--first SEED"
	@$(BIN)/python -m tests.differential --worlds $(N) $(ARGS)

crds: $(READY) ## write crds/ from the models
	@$(BIN)/certwright crds --output crds

docs: $(READY) ## write the generated pages of docs/reference
	@$(BIN)/python -m tests.support.reference

image: ## build the container image; IMAGE=name:tag
	docker build --tag $(IMAGE) .

clean: ## remove .venv, build and caches (the built control plane stays in the user's cache)
	@rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
