# Everything starts from python3 alone: each target builds the environment it needs, once.
# A stamp inside the environment remembers that; changing pyproject.toml makes it stale.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
SHARED := --dist worksteal # files stay together as long as nobody is idle: their fixtures are made once
PYTEST_OPTIONS ?=
OUT ?= out

PIP_QUIET := --quiet --disable-pip-version-check --no-warn-script-location

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-lifelines test-lowest check docs bench format changelog clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

# ---------------------------------------------------------------- environments

$(VENV)/.stamp-pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_QUIET) --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.stamp-run: $(VENV)/.stamp-pip pyproject.toml
	@echo "installing churnlib into $(VENV) (once)"
	$(BIN)/python -m pip install $(PIP_QUIET) --editable .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-run
	@echo "installing what tests, linters and documentation need (once)"
	$(BIN)/python -m pip install $(PIP_QUIET) --group dev
	@touch $@

.venv-lifelines/.stamp: pyproject.toml
	@echo "building an environment with lifelines and pandas 2.3 (once)"
	$(PYTHON) -m venv .venv-lifelines
	.venv-lifelines/bin/python -m pip install $(PIP_QUIET) --upgrade "pip>=25.1"
	.venv-lifelines/bin/python -m pip install $(PIP_QUIET) --editable ".[lifelines]" "pandas==2.3.*" --group test
	@touch $@

# Peers that need lifelines are timed there.
.venv-lifelines/.stamp-bench: .venv-lifelines/.stamp
	.venv-lifelines/bin/python -m pip install $(PIP_QUIET) --group bench
	@touch $@

.venv-lowest/.stamp: pyproject.toml tools/lowest.py
	@echo "building an environment with the lowest versions that pyproject.toml promises (once)"
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install $(PIP_QUIET) --upgrade "pip>=25.1"
	$(PYTHON) tools/lowest.py > .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pip install $(PIP_QUIET) --editable . --constraint .venv-lowest/lowest.txt --group test
	@touch $@

# ------------------------------------------------------------------ what to run

demo: $(VENV)/.stamp-run ## from simulated orders to out/churn.html and out/contact_list.csv
	$(BIN)/python examples/quickstart.py --out $(OUT)

test: $(VENV)/.stamp-dev ## every test that is not slow, the docstrings and the pages
	$(BIN)/python -m pytest -n $(WORKERS) $(SHARED) -m "not slow" $(PYTEST_OPTIONS)

test-slow: $(VENV)/.stamp-dev ## every test, the slow ones in full, with a deeper search for counter-examples
	CHURNLIB_HYPOTHESIS=thorough $(BIN)/python -m pytest -n $(WORKERS) $(SHARED) $(PYTEST_OPTIONS)

# The rooms of the package; not the pages, tools and simulations, which do not depend on these versions, nor the bars on Telco.
ELSEWHERE := tests --ignore=tests/docs --ignore=tests/tools --ignore=tests/examples \
    --ignore=tests/classification/test_telco.py -m "not slow and not simulation"

# What lifelines is an oracle or an engine of, and what takes every estimator; all rooms meet pandas 2 in the lowest versions.
WITH_LIFELINES := tests/survival tests/metrics tests/targets tests/test_*.py --ignore-glob='tests/metrics/test_*uplift*' \
    -m "not slow and not simulation"

test-lifelines: .venv-lifelines/.stamp ## the models of time and every estimator, with lifelines and pandas 2.3
	CHURNLIB_HYPOTHESIS=brief .venv-lifelines/bin/python -m pytest -n $(WORKERS) $(SHARED) $(WITH_LIFELINES) $(PYTEST_OPTIONS)

test-lowest: .venv-lowest/.stamp ## the package's tests with the lowest promised versions
	CHURNLIB_HYPOTHESIS=brief .venv-lowest/bin/python -m pytest -n $(WORKERS) $(SHARED) $(ELSEWHERE) $(PYTEST_OPTIONS)

check: $(VENV)/.stamp-dev ## style, types, the project's own rules, spelling, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for tool in floors name_clash doc_defaults docs_complete import_hygiene call_twice closed_loop_apart; do \
	    echo "tools/$$tool.py"; $(BIN)/python -m tools.$$tool || exit 1; done
	$(BIN)/python -m tools.mutants
	$(BIN)/codespell README.md CONTRIBUTING.md changelog.d docs src tools examples # tests misspell on purpose
	$(MAKE) docs

docs: $(VENV)/.stamp-dev ## the pages, in docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going --quiet -j $(WORKERS) -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.stamp-dev .venv-lifelines/.stamp-bench ## the side-by-side timings
	$(BIN)/python -m benchmarks

format: $(VENV)/.stamp-dev ## let ruff sort the imports and lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

changelog: $(VENV)/.stamp-dev ## show the next release's notes
	$(BIN)/towncrier build --draft

clean: ## remove what was built, not the environments
	rm -rf docs/_build docs/gallery docs/reference/generated build dist $(OUT)
