# Everything a newcomer needs: `make help` lists it. Each target makes what it needs first, so on a
# fresh machine with Python 3.11 or newer and make, `make demo` and `make test` do all the set-up.

PYTHON  ?= python3
RUNTIME ?= cpu# cpu or gpu: which ONNX Runtime to install
JOBS    ?= 2# test processes
SEED    ?= 1# of make fuzz
SMOKE   ?= $(addprefix tests/, cli data emit importing surgery training weights test_verbs.py)
VENV    := .venv
BIN     := $(VENV)/bin
BUILD   := build

.DEFAULT_GOAL := help
.PHONY: help demo test lint format floors pytest comparisons newcomer lowest golden docs peers bench \
  fuzz suite exports clients ort keras wheel clean distclean

help: ## show this list
	@echo "cnndsl: a small language for convolutional networks, and its compiler to ONNX"
	@echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# ---------------------------------------------------------------------------------------- for users
demo: $(VENV)/installed-user ## report on, compile and run VGG-16: the first thing to try
	@printf '\n== cnndsl report zoo/vgg16.cnn: shapes and costs of every layer\n\n'
	@$(BIN)/cnndsl report zoo/vgg16.cnn
	@mkdir -p $(BUILD)
	@printf '\n== cnndsl compile zoo/vgg16.cnn -o $(BUILD)/vgg16.onnx\n\n'
	@$(BIN)/cnndsl compile zoo/vgg16.cnn -o $(BUILD)/vgg16.onnx
	@printf '\n== cnndsl run $(BUILD)/vgg16.onnx examples/harbour.png --top 5\n\n'
	@$(BIN)/cnndsl run $(BUILD)/vgg16.onnx examples/harbour.png --top 5
	@printf '\nThe weights are fresh random ones, so the guesses mean nothing yet; the net is real.\n'
	@printf '\nWhat to try next (after `source $(BIN)/activate`):\n'
	@printf '  cnndsl zoo                                   the nets that come with it\n'
	@printf '  cnndsl report resnet50 --depth 1             another net, blocks folded\n'
	@printf '  cnndsl report vgg16 --explain conv2          the arithmetic of one layer\n'
	@printf '  cnndsl train lenet5                          learn digits, offline, in some seconds\n'
	@printf '  cnndsl report examples/first_net.cnn         a net of eight lines: edit it\n'
	@printf '  cnndsl check examples/three_mistakes.cnn     what a mistake looks like\n'
	@printf '  make test                                    check that all is well\n'

# ----------------------------------------------------------------------------------- for developers
test: lint floors pytest ## everything that must hold before a commit

lint: $(VENV)/installed-dev ## ruff (style and format) and pyright (types)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/installed-dev ## let ruff mend style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

floors: $(VENV)/installed-dev ## imports go down the floors only
	$(BIN)/lint-imports

# The tests that compare with torch reach some lines that no others do, gradients above all, so the bound
# on coverage holds where the peers are installed.
BOUND = $(if $(wildcard $(VENV)/installed-peers),,--cov-fail-under=0)

# One thread for each process: the tests are many and small, the machine's cores few.
pytest: $(VENV)/installed-dev ## the tests alone, with coverage
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --cov $(BOUND)

comparisons: $(VENV)/installed-peers ## those tests that need torch and its like, or real data
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) -m 'torch or data' $(COVERAGE)

newcomer: ## make demo and make test in a clone in an empty folder, with an empty home
	.ci/newcomer

lowest: .venv-lowest/installed ## a choice of tests, with every dependency at its lowest release
	OMP_NUM_THREADS=1 .venv-lowest/bin/pytest -n $(JOBS) -m 'not (torch or data or slow)' $(SMOKE)

golden: $(VENV)/installed-dev ## rewrite the golden files; read `git diff tests/golden` as prose
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) -q --update-golden
	git --no-pager diff --stat -- tests/golden

docs: $(VENV)/installed-dev ## write anew what the documentation takes from the program
	$(BIN)/python -m docs.build_layers
	$(BIN)/python -m docs.build_diagnostics
	$(BIN)/python -m docs.build_lint
	$(BIN)/python -m docs.build_outputs
	git --no-pager diff --stat -- README.md docs examples

peers: $(VENV)/installed-peers ## install torch, Keras and friends, which some tests compare with

ort: .venv-ort-training/installed ## install ONNX Runtime's own training, one more peer of bench

keras: .venv-keras/installed ## install Keras with TensorFlow, a peer of training_end_to_end

exports: $(VENV)/installed-peers ## families of torchvision and timm through torch's exporters and import
	$(BIN)/python -m tests.exports $(ONLY)

clients: $(VENV)/installed-dev .venv-clients/installed ## models in OpenCV, MNN, tract and others: CLIENT= ONLY=
	$(BIN)/python -m tests.clients $(if $(CLIENT),--client $(CLIENT)) --only '$(ONLY)'

bench: $(VENV)/installed-peers ## measure against torch side by side; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ONLY)

# The short one is among the tests. A single case again: make fuzz KIND=runs SEED=1 CASE=7
fuzz: $(VENV)/installed-dev ## damaged and hostile input by the thousand: KIND=specs|data|runs|models|weights COUNT= SEED= JOBS=
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz $(KIND) --seed $(SEED) --jobs $(JOBS) \
	  $(if $(COUNT),--count $(COUNT)) $(if $(FIRST),--first $(FIRST)) $(if $(CASE),--case $(CASE))

suite: $(VENV)/installed-dev ## ONNX's own backend suite through import: NAME= for some of its models
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.suite $(NAME)

wheel: $(VENV)/installed-dev ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

clean: ## remove what was built and cached, but not the environment
	rm -rf $(BUILD) dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find cnndsl tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environment too
	rm -rf $(VENV) .venv-lowest .venv-clients

# -------------------------------------------------------------------------------------- environment
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cnndsl needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3 …"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { \
	  echo "Python's venv module is missing here (on Debian and Ubuntu: package python3-venv)."; \
	  rm -rf $(VENV); exit 1; }

$(VENV)/installed-user: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$(RUNTIME)]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$(RUNTIME),search,dev]'
	@touch $@

# What pyproject.toml promises: its lower bounds are read from there.
.venv-lowest/installed: pyproject.toml .ci/lowest.py
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) .ci/lowest.py > .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pip install --quiet -c .venv-lowest/lowest.txt --editable '.[cpu,heic,search,dev]'
	@touch $@

# It has the import name of stock ONNX Runtime, and wants an older onnx, so it lives by itself.
.venv-ort-training/installed:
	$(PYTHON) -m venv .venv-ort-training
	.venv-ort-training/bin/python -m pip install --quiet onnxruntime-training-cpu==1.19.2 'onnx<1.18' 'numpy<2' torch==2.13.0
	.venv-ort-training/bin/python -m pip install --quiet --no-deps torchvision==0.28.0 pillow
	@touch $@

.venv-keras/installed:
	$(PYTHON) -m venv .venv-keras
	.venv-keras/bin/python -m pip install --quiet tensorflow-cpu keras
	@touch $@

# OpenCV 4 lies in a folder of its own: it has the import name of OpenCV 5.
.venv-clients/installed:
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet onnx2torch torch==2.13.0 torchvision==0.28.0 MNN tract openvino \
	  opencv-python-headless==5.0.0.93
	.venv-clients/bin/python -m pip install --quiet --no-deps --target .venv-clients/opencv4 \
	  opencv-python-headless==4.14.0.94
	@touch $@

# torchvision and timm would pull in a good deal that no test needs.
$(VENV)/installed-peers: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet torch==2.13.0 keras==3.15.1
	$(BIN)/python -m pip install --quiet --no-deps torchvision==0.28.0 timm torchinfo onnxscript
	$(BIN)/python -m pip install --quiet pillow-heif pandas tensorboard
	@touch $@
