VENV ?= .venv
export VENV

.PHONY: setup run test check clean

setup:  ## .venv and the system libraries Qt needs
	@scripts/setup

run: setup  ## the window, with a local store to try things on
	@$(VENV)/bin/sluice

test:  ## the whole suite, against real servers
	@scripts/setup --test
	@scripts/test $(ARGS)

check:  ## format, lint, types, import contracts
	@scripts/setup --dev
	@scripts/check

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find app core resources tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
