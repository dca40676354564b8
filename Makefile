# driverprint: every way to build, try, test and carry it. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo demo-real test soak check bench bench-compare weights bundle lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/uv: requirements/bootstrap.lock
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("driverprint needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

# What a user runs: everything locked with hashes, no torch. Compiled once here, because each of a run's processes
# would compile Ray anew wherever Python may not write: half a second of processor time in every one of them.
$(VENV)/.run: $(BIN)/uv requirements/run.lock pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# What a developer runs: the same, the test tools, and torch. torch stands outside the hashes because its
# CPU and CUDA builds differ; pip takes whichever build this machine is set up for.
$(VENV)/.dev: $(VENV)/.run requirements/dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check torch==2.13.0
	@touch $@

demo: $(VENV)/.run  ## simulate a small case, analyse it, print where the report is
	$(BIN)/python -m pipeline.cli.demo demo

demo-real: $(VENV)/.run  ## the same on real footage, fetched by pinned version and hash
	$(BIN)/python -m tests.real_case demo/real

test: $(VENV)/.dev  ## run every test (a small sample of the soak among them)
	$(BIN)/python -m pytest -n 2 --dist loadfile

soak: $(VENV)/.dev  ## attack whole runs: mutated videos, kills at random times; 30 minutes at most
	$(BIN)/python -m pytest -m soak -s tests/soak tests/pipeline/faults

check: $(VENV)/.dev  ## lint, types, import layers, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

# Those that measure speed and need nothing but this repository; the others in the folder say how to run them.
# Daft and OpenVINO take part where they are installed (the extra `bench`); each script says what it leaves out.
BENCHMARKS := inference decode_speed centre_clip end_to_end growth train_step simulate_speed report_scale benchmark_scale

bench: $(VENV)/.dev  ## measure speed as ratios within one run; figures stay in bench/ (about an hour on two cores)
	failed=; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m tests.benchmarks.$$name || failed="$$failed $$name"; done; \
	test -z "$$failed" || { echo "missed what is asked for:$$failed"; exit 1; }

bench-compare: $(VENV)/.dev  ## ratio of each figure: make bench-compare OLD=folder NEW=bench
	$(BIN)/python -m tests.benchmarks.compare $(OLD) $(or $(NEW),bench)

weights: $(VENV)/.dev  ## train the shipped weights anew, on two cores in about two hours (model/weights/README.md)
	$(BIN)/driverprint simulate runs/corpus --identities 160 --self 2 --cross 2 --seconds 3.2 --seed 1
	$(BIN)/driverprint pretrain runs/corpus -o runs/backbone --store runs/frames
	$(BIN)/driverprint pretrain runs/corpus -o runs/longer --store runs/frames --start runs/backbone \
		--epochs 40 --learning-rate 1.5e-3
	$(BIN)/driverprint habits runs/corpus -o runs/habits --store runs/frames --start runs/longer
	$(BIN)/driverprint export runs/habits -o runs/driverprint.onnx --validated-for "simulation only" \
		--validated-on runs/corpus

bundle: $(VENV)/.run  ## a folder of wheels and a script that installs them with no network
	rm -rf bundle && mkdir -p bundle/wheels
	$(BIN)/python -m pip download -q --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/run.lock -d bundle/wheels
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w bundle/wheels .
	cp requirements/run.lock bundle/run.lock
	cp requirements/install-offline.sh bundle/install.sh
	@echo "bundle/ is ready: carry it over and run 'sh install.sh' there (same Python version and platform)."

lock: $(BIN)/uv  ## choose versions anew and write the lock files
	sh requirements/lock.sh

clean:  ## remove what the targets above made
	rm -rf $(VENV) bundle demo
