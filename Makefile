PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo style types units lint test tables docs clean

help:
	@echo "make demo   set up .venv; a classifier forgets the eights, a CLIP model a relation (a few minutes after installation)"
	@echo "make test   set up .venv and run every check"
	@echo "make tables write the tables of README and docs from benchmarks/results"
	@echo "make docs   build the documentation site into site/"
	@echo "make clean  remove .venv, runs and site"

$(BIN)/python:
	@echo "== creating .venv with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "python -m venv failed (on Debian: apt install python3-venv)"; exit 1; }

.venv/demo.stamp: $(BIN)/python setup.cfg pyproject.toml
	@echo "== installing oro_unlearn and what it needs (several GB with PyTorch; minutes the first time)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/test.stamp: $(BIN)/python setup.cfg pyproject.toml
	@echo "== installing oro_unlearn with what the tests need (several GB with PyTorch; minutes the first time)"
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ .venv/demo.stamp

.venv/docs.stamp: $(BIN)/python setup.cfg pyproject.toml
	@echo "== installing oro_unlearn with what its documentation site needs (several GB with PyTorch; minutes the first time)"
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@ .venv/demo.stamp

demo: .venv/demo.stamp
	@echo "== demo: digits (original, retrained, free control, RWFT), then a relation in a CLIP model"
	$(BIN)/oro-unlearn demo

style: .venv/test.stamp
	@echo "== ruff"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test.stamp
	@echo "== mypy"
	$(BIN)/mypy

units: .venv/test.stamp
	@echo "== pytest, with doctests"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

lint: style types

test: style  # mypy uses one core alone: it runs beside pytest
	@$(MAKE) --no-print-directory -j 2 types units

tables: .venv/demo.stamp
	$(BIN)/python -m benchmarks.tables

docs: .venv/docs.stamp
	@echo "== building the documentation site; a broken link is an error"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"

clean:
	rm -rf .venv runs site
