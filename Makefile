# Every target makes .venv by itself; nothing else needs to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
INSTALLED := $(VENV)/.installed
# A worker for each core, with one thread: faster than threads in one process, also on a busy machine.
EXAMPLE := cd example_project && $(BIN)/python -m pytest -p no:randomly -n auto
COMBINED := $(EXAMPLE) -v -k combination -o addopts= --failcond-config=combinations.toml
# What fine-tuning makes, and its gates. Exports and trainings take one core each, so they run side by side.
MEND := reports/mend
KINDS := combination,near
at_once = cd example_project && for each in $(1); do OMP_NUM_THREADS=1 PYTHONPATH=. $(2) & pids="$$pids $$!"; \
	done; for pid in $$pids; do wait $$pid || exit 1; done
exported = $(call at_once,0 3,$(BIN)/failcond export $(MEND)/$(1)/$$each --count $(2) --kinds $(KINDS) \
	--seed $$each --classifier $(3))
mended = $(call at_once,$(1),$(BIN)/python -m training.mend $$each)
MENDED := $(EXAMPLE) -o addopts= --failcond-config=mend.toml

.DEFAULT_GOAL := help
.PHONY: help example example-failing example-combinations example-mend test lint bench browser oracle clean

help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Installing into $(VENV), once: $$(grep -c == constraints.txt) packages, 1.5 GB, some minutes."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

example: $(INSTALLED) ## Run the example's robustness gates: green.
	$(EXAMPLE)

example-failing: $(INSTALLED) ## Run the same gates on a classifier trained on clean digits: red.
	$(EXAMPLE) --failcond-classifier=digits:load_mlp

example-combinations: $(INSTALLED) ## Search combined corner cases of both classifiers, and try the first one's on the second.
	$(COMBINED) --failcond-classifier=digits:load_mlp --failcond-json=reports/combined-mlp.json
	$(COMBINED) --failcond-json=reports/combined.json --failcond-compare=reports/combined-mlp.json

example-mend: $(INSTALLED) ## Fine-tune the failing classifier on its hard images: half a CPU-hour; MNIST names the digits' folder.
	$(call exported,hard,1250,digits:load_mlp)
	$(call mended,once)
	$(call exported,again,800,training.mend:load_once)
	$(call mended,mended control corrupted)
	-$(MENDED) --failcond-classifier=digits:load_mlp --failcond-json=$(MEND)/first.json
	-$(MENDED) --failcond-classifier=training.mend:load_mended --failcond-json=$(MEND)/mended.json \
		--failcond-compare=$(MEND)/first.json
	cd example_project && PYTHONPATH=. $(BIN)/python -m training.mended

test: $(INSTALLED) lint ## Run the linters, the type checker and all tests.
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(INSTALLED) ## Run the linters and the type checker alone.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED) ## Measure the speed ratios that the README gives.
	$(BIN)/python -m benchmarks

browser: $(INSTALLED) ## Install Chromium and its driver (Debian), for the tests in a browser.
	tests/browser/install
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'

oracle: $(INSTALLED) ## Write imagecorruptions' statistics anew, which the tests hold ours against.
	$(BIN)/python -m tests.oracle

clean: ## Remove what the targets above made.
	rm -rf $(VENV) example_project/explorer.html example_project/reports .pytest_cache .mypy_cache .ruff_cache
