# `make demo` and `make test` need nothing but Python, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: install install-all demo test check check-all lint types overhead

install: $(VENV)/installed  ## the package and the default backend
install-all: $(VENV)/installed-all  ## all three backends, and what the developers use

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,dev]'
	touch $@

$(VENV)/installed-all: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,jax,torch,dev]'
	touch $@

demo: install  ## trains on handwritten digits and leaves a report
	$(BIN)/kerastricks train digits --recipe tutorial

test: $(VENV)/installed-dev  ## the tests on the default backend
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

check: lint types test

check-all: install-all  ## the tests on each of the three backends
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest
	KERAS_BACKEND=jax $(BIN)/python -m pytest
	KERAS_BACKEND=torch $(BIN)/python -m pytest

overhead: install-all  ## what the tricks cost over plain Keras, on each backend
	$(BIN)/python benchmarks/overhead.py
