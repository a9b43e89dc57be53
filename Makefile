# Every target sets up .venv by itself; pass options on with ARGS, as in: make demo ARGS="--no-serve --json -o out"
PYTHON ?= python3
VENV := .venv
TENSORFLOW := .venv-tensorflow
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
ARGS ?=
# Worker processes of the test run, 0 for none: `make test JOBS=0`
JOBS ?= 2
MODULES = $(shell find src/latentarium -name "*.py" ! -name "__main__.py" | sed -e "s|^src/||; s|/__init__.py$$||; s|\.py$$||; s|/|.|g" | sort)

.DEFAULT_GOAL := help
.PHONY: help demo page test bench bench-fit bench-folder bench-faces bench-measures bench-maps bench-models bench-factors bench-compression bench-anomaly bench-transfer bench-search bench-streaming bench-editing bench-explorer lint docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; pass one with: make PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (about 1.5 GB the first time)" >&2
	@$(PIP) install -c constraints.txt torch
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

# TensorFlow wants another h5py, so that Keras on it is tested in an environment of its own
$(TENSORFLOW)/.ready: constraints-tensorflow.txt
	@test -x $(TENSORFLOW)/bin/python || $(PYTHON) -m venv $(TENSORFLOW)
	@echo "Installing TensorFlow into $(TENSORFLOW) (about 1.6 GB the first time)" >&2
	@$(TENSORFLOW)/bin/python -m pip --disable-pip-version-check --quiet install \
		-c constraints-tensorflow.txt tensorflow-cpu keras pytest
	@touch $@

$(VENV)/.bench: $(VENV)/.ready
	@$(PIP) install -c constraints.txt -e '.[bench]'
	@touch $@

page: $(VENV)/.ready ## the explorer's page, built into the package
	@$(BIN)/python scripts/build_page.py

demo: page ## fit, measure and map Fashion-MNIST, then open the explorer
	@scripts/fashion_mnist.sh
	@$(BIN)/latentarium demo $(ARGS)

test: lint page $(TENSORFLOW)/.ready ## static checks, doctests and the whole test suite
	@scripts/fashion_mnist.sh
	@scripts/chromium.sh
	$(BIN)/python scripts/build_page.py check test
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --doctest-modules src/latentarium tests $(ARGS)

lint: $(VENV)/.ready ## style, layers, sizes and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_sizes.py src scripts
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: bench-fit bench-folder bench-faces bench-measures bench-maps bench-models bench-factors bench-compression bench-anomaly bench-transfer bench-search bench-streaming bench-editing bench-explorer ## every benchmark

bench-fit: $(VENV)/.bench ## seconds to a given likelihood, against other tools
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.speed.fit $(ARGS)

bench-folder: $(VENV)/.ready ## peak memory on a folder of many pictures
	@$(BIN)/python -m benchmarks.speed.folder $(ARGS)

bench-faces: $(VENV)/.ready ## the face VAE on CelebA: speed, memory, quality
	@$(BIN)/python -m benchmarks.speed.faces $${LATENTARIUM_TEST_DATA:-../shared/data}/celeba $(ARGS)

bench-measures: $(VENV)/.ready ## seconds of the whole sheet, and how measures grow with the rows
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.measures.sheet $(ARGS)
	@$(BIN)/python -m benchmarks.measures.coverage_scale $(filter --save,$(ARGS))

bench-maps: $(VENV)/.bench ## maps of 10,000 and 70,000 codes, against other tools
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.speed.maps $(ARGS)

bench-models: $(VENV)/.ready ## training throughput of each model over a bare loop
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.models.throughput $(ARGS)

bench-factors: $(VENV)/.ready ## disentanglement of six models, seed by seed; goes on where it was stopped
	@$(BIN)/python -m benchmarks.models.disentanglement $(ARGS)

bench-anomaly: $(VENV)/.bench ## odd pictures, table rows and tiles against other detectors; goes on where it was stopped
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.applications.anomaly $(ARGS)

bench-transfer: $(VENV)/.ready ## few labels and linear probes on Fashion-MNIST
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.applications.transfer $(ARGS)

bench-search: $(VENV)/.bench ## nearest codes among a million: recall, latency, memory
	@$(BIN)/python -m benchmarks.applications.search $(ARGS)

bench-streaming: $(VENV)/.ready ## encode, detect and compress sources larger than the memory given to them
	@$(BIN)/python -m benchmarks.speed.streaming $(ARGS)

bench-compression: $(VENV)/.ready ## the codec beside PNG, WebP, JPEG, xz and PCA
	@scripts/fashion_mnist.sh
	@$(BIN)/python -m benchmarks.applications.compression --data $${LATENTARIUM_TEST_DATA:-../shared/data}/celeba $(ARGS)

bench-editing: $(VENV)/.ready ## attributes of faces and avatars edited, judged by probes of real pixels
	@$(BIN)/python -m benchmarks.applications.editing $${LATENTARIUM_TEST_DATA:-../shared/data} $(ARGS)

bench-explorer: page ## the explorer in Chromium and under load: seconds to a map, milliseconds to a picture
	@scripts/chromium.sh
	@$(BIN)/python -m benchmarks.explorer.page $(ARGS)
	@$(BIN)/python -m benchmarks.explorer.load

docs: $(VENV)/.ready ## the reference as static pages in site/
	@$(BIN)/python -W ignore -m pdoc --docformat numpy --output-directory site $(MODULES) $(ARGS)
	@echo "site/index.html"

clean: ## remove everything that was built
	rm -rf $(VENV) $(TENSORFLOW) frontend/node_modules src/latentarium/explorer/static site build dist \
		.pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
