# Everything a contributor types; `make` alone lists it. `.ci/run` runs `make check` and nothing else.
# Works with GNU Make 3.81 (macOS) and up, in parallel (-j), and with an empty home folder.

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := PIP_USER=0 $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check
STAMP  := $(VENV)/.installed
SOURCE := engine cli web examples loadtests bench tests docs
# Tried in this order; give one by hand with `make setup PYTHONS=/path/to/python`.
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3
# Extra words for the command under `make test`, `make demo`, `make bench`, `make lock`: `make test ARGS="-k cron"`.
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test chaos fleet check format format-check lint types contracts bench reference screens lock clean
.DELETE_ON_ERROR:

help: ## List what make can do
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with the locked dependencies; nothing to do when they have not changed
	@:

# A candidate must run (a pyenv shim may exist and not), be new enough, and be able to make a virtual environment
# (Debian's python3 alone cannot). A .venv without a working pip is a broken one: it is made anew.
$(STAMP): pyproject.toml requirements.lock
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  found=; \
	  for python in $(PYTHONS); do \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	    then found="$$python"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "error: no Python 3.11 or newer with venv and ensurepip among: $(PYTHONS)" >&2; \
	    echo "hint: install one (Debian: apt install python3 python3-venv), or name it: make setup PYTHONS=/path/to/python3" >&2; \
	    exit 1; \
	  fi; \
	  echo "setup: .venv with $$("$$found" --version)" >&2; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "setup: installing requirements.lock" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## See it work: five real jobs end to end, in under a minute, leaving nothing running
	@$(BIN)/python -m examples.tenants.demo $(ARGS)

test: $(STAMP) ## Run all tests, four at a time: most of them wait (one at a time: ARGS="-n 0")
	@$(BIN)/python -m pytest -n 4 $(ARGS)

chaos: $(STAMP) ## Play every fault in its long form; ends with a table of what was measured
	@mkdir -p build
	@JOBCTL_CHAOS=$(CURDIR)/build/chaos.json $(BIN)/python -m pytest -q tests/faults $(ARGS)

fleet: $(STAMP) ## Run five schedulers for ten minutes, killed and paused at random: every tick exactly once
	@JOBCTL_FLEET_S=600 $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/engine/scheduler/test_fleet.py -k real $(ARGS)

check: format-check lint types contracts test ## Everything CI checks: format, lint, types, contracts, tests

format: $(STAMP) ## Rewrite the source in its one format, and mend what ruff can
	@$(BIN)/ruff check --quiet --fix-only $(SOURCE)
	@$(BIN)/ruff format --quiet $(SOURCE)

format-check: $(STAMP)
	@said=$$($(BIN)/ruff format --check $(SOURCE) 2>&1) || { echo "$$said" >&2; echo "hint: make format" >&2; exit 1; }

lint: $(STAMP) ## Check the source with ruff
	@$(BIN)/ruff check --quiet $(SOURCE)

types: $(STAMP) ## Check the types with mypy, strict
	@$(BIN)/mypy --no-error-summary

contracts: $(STAMP) ## Check the arrow of imports (ARCHITECTURE.md)
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said" >&2; exit 1; }

bench: $(STAMP) ## Measure our worker beside stock SAQ
	@$(BIN)/python -m bench --plot bench/ratios.svg $(ARGS)
	@$(BIN)/python -m bench.idle
	@$(BIN)/python -m bench.backlog

reference: $(STAMP) ## Write docs/cli.md and the schema of the shipped specs anew from the source
	@$(BIN)/python docs/cli.py
	@schema=$$($(BIN)/jobctl spec schema) && printf '%s\n' "$$schema" >jobspecs/jobspec.schema.json

screens: $(STAMP) ## Draw the README's screens again (docs/screens/*.svg)
	@$(BIN)/python docs/screens/draw.py $(ARGS)

# uv resolves for every Python and platform at once; it lives in a throw-away environment, no dependency of ours.
# Versions stay as they are unless pyproject asks otherwise: `make lock ARGS=--upgrade` renews all.
lock: $(STAMP) ## Write requirements.lock anew from pyproject.toml
	@$(BIN)/python -m venv --clear build/lock
	@PIP_USER=0 build/lock/bin/python -m pip --quiet --disable-pip-version-check install uv
	@build/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --system-certs \
	  --output-file requirements.lock $(ARGS) >/dev/null
	@rm -rf build/lock

clean: ## Remove caches and build output; .venv and the broker's data in .jobctl stay
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find $(SOURCE) -name __pycache__ -type d -prune -exec rm -rf {} +
