# make run    set up, and start the monitor on the sample
# make test   set up, and run the tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run test lint soak clean

run: $(VENV)/.installed
	@$(BIN)/python -m sample.run

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)
	@echo "The tests passed. Next: make run, or edit config.toml and $(BIN)/monitor --config config.toml run"

soak: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/soak.py

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (the first time this takes a few minutes: torch is large)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) with what the tests need (the first time this takes a few minutes: torch is large)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) var build dist *.egg-info
