# The commands a developer needs; `make help` lists them. Nothing but make and Python >= 3.11 is
# assumed; PYTHON=/path/to/python chooses the interpreter of the virtual environment.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := requirements/constraints.txt
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml examples/*/pyproject.toml)
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
EXAMPLES := $(patsubst %/pyproject.toml,%,$(wildcard examples/*/pyproject.toml))
SOURCES := $(wildcard src plugins tests examples benchmarks scripts)
TYPED := $(wildcard src plugins/*/src plugins/*/tests tests examples/demo_county examples/*/src examples/*/tests benchmarks scripts)
# More arguments for pytest, as in: make test ARGS="tests/cases -x"
ARGS ?=
# Processes that run tests side by side
WORKERS ?= auto
# Playwright keeps an event loop running in its process: each of these runs in one of its own
BROWSER_TESTS := tests/browser tests/server/render/test_browser.py
KILLS ?= 50

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)
EDITABLE := --no-build-isolation --editable '.[server,postgresql,excel,testing]' $(addprefix --editable ,$(PLUGINS) $(EXAMPLES))

export PYTHONUTF8 := 1
# Playwright drives the system's Chromium; it must never fetch a browser of its own.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-assets test-service lint format docs bench torture assets wheels bundle constraints clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.installed assets  ## run the demonstration county (ONCE=1: replay, summary, exit)
	$(BIN)/python -m examples.demo_county.demo $(if $(filter-out 0,$(ONCE)),--once)

test: $(VENV)/.installed-dev assets  ## run all tests that need no server process
	$(BIN)/python -m pytest -m "not service" -n $(WORKERS) $(ARGS)

test-service: $(VENV)/.installed-dev $(VENV)/.installed-benchmarks assets test-assets  ## run the tests against PostgreSQL, Chromium, gunicorn
	$(BIN)/python -m pytest -m service -n $(WORKERS) $(addprefix --ignore ,$(BROWSER_TESTS)) $(ARGS)
	@for tests in $(BROWSER_TESTS); do $(BIN)/python -m pytest -m service $$tests || exit 1; done

lint: $(VENV)/.installed-dev $(VENV)/.installed-benchmarks  ## check style, types and layers
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev  ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(VENV)/.installed-docs  ## build the documentation into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.installed-benchmarks  ## measure intake against its peers, and case commits beside it (ARGS=--check: fail where less than promised)
	$(BIN)/python -m benchmarks.ingestion $(ARGS)
	$(BIN)/python -m benchmarks.case_commits $(filter --check,$(ARGS))

torture: $(VENV)/.installed-dev  ## kill -9 the server under load, KILLS=50 times
	$(BIN)/python -m benchmarks.torture --kills $(KILLS) $(ARGS)

assets: $(VENV)/bin/python  ## fetch the front-end files that the server serves
	@$(BIN)/python scripts/fetch_assets.py echarts

test-assets: $(VENV)/bin/python
	@$(BIN)/python scripts/fetch_assets.py axe-core

wheels: $(VENV)/.installed assets  ## build the wheels of the core and of each plugin into dist/
	@for project in . $(PLUGINS); do \
		$(BIN)/python -m build --no-isolation --wheel --outdir dist $$project || exit 1; \
	done

bundle: $(VENV)/.installed-dev assets  ## put all that an installation without a network needs into dist/
	$(BIN)/python scripts/bundle.py

constraints: $(VENV)/.installed-dev $(VENV)/.installed-docs $(VENV)/.installed-benchmarks  ## write the installed versions to requirements/constraints.txt
	$(BIN)/python scripts/freeze_constraints.py

clean:  ## remove what was built, fetched or cached, and the virtual environment
	rm -rf $(VENV) build dist src/county_gov/server/static/vendor tests/vendor
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says that its requirements were installed as the files now ask. So the first run takes
# minutes, and the next one none.

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {v}; choose one with PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(PROJECTS) $(CONSTRAINTS) requirements/build.in | $(VENV)/bin/python
	$(PIP_INSTALL) --requirement requirements/build.in
	$(PIP_INSTALL) $(EDITABLE)
	@touch $@

$(VENV)/.installed-dev: requirements/dev.in $(VENV)/.installed
	$(PIP_INSTALL) --requirement $<
	@touch $@

$(VENV)/.installed-docs: requirements/docs.in $(VENV)/.installed
	$(PIP_INSTALL) --requirement $<
	@touch $@

$(VENV)/.installed-benchmarks: requirements/benchmarks.in $(VENV)/.installed
	$(PIP_INSTALL) --requirement $<
	@touch $@
