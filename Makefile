# make            install what requirements.lock names into .venv
# make regenerate figures, tables and notebooks that are not up to date
# make check      are the kept figures and notebooks current?
# make site       the same as pages: build/site/index.html
# make test       tests with branch coverage
# make lint       style, types and spelling
# make clean      remove what the other targets left, except .venv

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check -q
INSTALLED := .venv/installed

export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMEXPR_NUM_THREADS := 1
export PYTHONHASHSEED := 0
export TZ := UTC
export MPLBACKEND := Agg
# Compiled modules are kept: a process that compiles all that it imports starts ten times slower.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install regenerate check site test lint clean

install: $(INSTALLED)

# A .venv that still runs is brought up to date; one that does not is made anew.
$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || \
		{ echo "$(PYTHON) is not installed; chainpolicy needs Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "chainpolicy needs Python 3.11 or newer, $(PYTHON) is" \
		"$$($(PYTHON) --version 2>&1); name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@.venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || \
		{ echo "installing into .venv, this takes a few minutes"; $(PYTHON) -m venv --clear .venv; }
	$(PIP) install --no-compile -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

regenerate: $(INSTALLED)
	.venv/bin/chainpolicy regenerate

check: $(INSTALLED)
	.venv/bin/chainpolicy regenerate --check

site: $(INSTALLED)
	.venv/bin/chainpolicy publish --output build/site

# What an array leaves is kept for the next: a process that hands it back to the system at once and
# asks again spends a twentieth of its time on that.
test: export MALLOC_MMAP_THRESHOLD_ := 1000000000
test: export MALLOC_TRIM_THRESHOLD_ := 1000000000
test: export MALLOC_TOP_PAD_ := 16777216
# slipcover has no wheel of Python 3.11 for ARM: tests run there, and nothing is measured. Its
# warning is about the branches of the tests themselves; tests run with filters of their own.
test: $(INSTALLED)
	.venv/bin/python $$(.venv/bin/python -c 'import slipcover' 2> /dev/null && echo -W ignore::RuntimeWarning -m slipcover) \
		-m pytest -n auto --maxprocesses 4 \
		--dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -m codespell_lib

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage.json
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
