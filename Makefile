# The commands of a working day. Everything is installed into .venv and kept in .local; nothing needs root or Docker.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
comma := ,
# Where it is set, each process of the suite and of Airflow compiles every module anew: three times the time.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup setup-dev run test test-fast test-days test-full faults lint audit docs sbom wheel matrix up down sql lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# Two `make` at once install one after the other: the lock on this file ends with the process that holds it.
IN_TURN = $(PYTHON) -c 'import fcntl, os, sys; f = os.open("Makefile", os.O_RDONLY); os.set_inheritable(f, True); fcntl.flock(f, fcntl.LOCK_EX); os.execvp(sys.argv[1], sys.argv[1:])' $(MAKE) --silent --no-print-directory

# The distribution's name until 0.2.
FORGET_OLD_NAME = ! ls -d $(VENV)/lib/python*/site-packages/data_pipeline-*.dist-info >/dev/null 2>&1 || $(BIN)/python -m pip uninstall --quiet --yes --disable-pip-version-check data-pipeline; rm -rf data_pipeline.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 10) <= sys.version_info[:2] <= (3, 13) else "Python 3.10 to 3.13 is needed; this is " + sys.version.split()[0] + ". Name another one: make run PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: data_pipeline/requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies into $(VENV) (one to two minutes the first time) ..."
	@$(BIN)/python -m tools.install_lock data_pipeline/requirements.txt
	@$(FORGET_OLD_NAME)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-ready: data_pipeline/requirements.txt data_pipeline/requirements-celery.txt requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked development dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt -r data_pipeline/requirements-celery.txt
	@$(FORGET_OLD_NAME)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run-ready $(VENV)/.celery-ready

setup: ## Install what running needs
	@$(IN_TURN) $(VENV)/.run-ready

setup-dev: ## Install what testing needs as well
	@$(IN_TURN) $(VENV)/.dev-ready

$(VENV)/.celery-ready: data_pipeline/requirements-celery.txt $(VENV)/.run-ready
	@echo "Installing Celery into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r data_pipeline/requirements-celery.txt
	@touch $@

run: setup ## Load the last finished session through Airflow into an embedded Postgres, then say what is there
	@$(BIN)/data-pipeline run

PYTEST = $(if $(SHIFT_DAYS),SHIFT_DAYS="$(SHIFT_DAYS)" PYTHONPATH="$(CURDIR)/tests/shift$(if $(PYTHONPATH),:$(PYTHONPATH))") $(BIN)/python -m pytest -q -n $(TEST_PROCESSES)
TEST_PROCESSES ?= 2
# These wait for servers often enough that three processes keep two cores busy; faults and moments have limits of time.
test: TEST_PROCESSES = 3
SEEDS ?= 11,12,13,14,15

test: setup-dev ## Run every test but the thorough, slow and long ones on embedded parts (SHIFT_DAYS=400: as if it were then)
	@$(PYTEST) --dist loadfile --no-loadscope-reorder -m "not thorough and not slow and not long"

test-fast: setup-dev ## Run the unit tests and what holds the docs and the imports together: a minute
	@$(PYTEST) --dist loadfile --no-loadscope-reorder -m "not thorough and not slow and not long" tests/unit tests/house

test-days: setup-dev ## Run what depends on the date at fixed moments (DAYS=csat,sunday for some of them)
	@DAYS="$(DAYS)" $(PYTEST) --dist loadgroup -m long tests/days

test-full: setup-dev ## Run all others: thorough ones, moments (DAYS=csat), other seeds (SEEDS=21,22), more DAGs, faults
	@DAYS="$(DAYS)" $(PYTEST) --dist loadgroup -m long
	@SEEDS="$(SEEDS)" $(PYTEST) --dist loadfile -m "seeded or hypothesis" --hypothesis-seed=$(firstword $(subst $(comma), ,$(SEEDS)))
	@$(PYTEST) --dist loadfile -m "(slow or thorough) and not long" --ignore tests/faults
	@$(MAKE) --no-print-directory faults SEEDS="$(SEEDS)"

FIGURES ?= .local/faults.jsonl

faults: setup-dev ## Break everything that can break, and print what survived (FULL=1: the full numbers; SEEDS=21: other moments)
	@mkdir -p $(dir $(FIGURES)) && rm -f $(FIGURES)
	@FULL="$(FULL)" SEEDS="$(SEEDS)" FAULT_FIGURES="$(FIGURES)" $(PYTEST) --dist loadgroup -m slow tests/faults; code=$$?; \
		$(BIN)/python -m tools.faults_page --table $(FIGURES); exit $$code

lint: setup-dev ## Check style, types, the direction of imports and known weaknesses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/check_no_date.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive data_pipeline dags plugins tools

audit: setup-dev ## Look every locked version up among known weaknesses (needs uvx, and a database from the network)
	@$(BIN)/python -m tools.audit

docs: setup-dev ## Make the pages a site in .local/docs, every warning an error (Python 3.11 or newer)
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs .local/docs
	@echo "Open .local/docs/index.html"

sbom: ## Write .local/sbom.json, a CycloneDX list of every locked package (needs uvx)
	@mkdir -p .local
	@uvx --from cyclonedx-bom cyclonedx-py requirements data_pipeline/requirements.txt --output-reproducible --output-format JSON --output-file .local/sbom.json
	@echo "Wrote .local/sbom.json"

wheel: setup-dev ## Build dist/, then install it beside a stock Airflow and load with nothing of the clone (minutes)
	@$(BIN)/python -m tools.wheel dist
	@$(PYTEST) -n 0 -m "slow or not slow" tests/integration/shipped

matrix: setup-dev ## Install the wheel on every Python there is, with oldest and newest versions, and print what works (needs uv)
	@$(BIN)/python -m tools.matrix

EXECUTOR ?= local
WORKERS ?= 3

up: setup $(if $(filter celery,$(EXECUTOR)),$(VENV)/.celery-ready) ## Start Postgres and Airflow and leave them running (EXECUTOR=celery WORKERS=3: Celery workers and a broker)
	@$(BIN)/data-pipeline up --executor $(EXECUTOR) --workers $(WORKERS)

down: setup ## Stop what `make up` started
	@$(BIN)/data-pipeline down

# The development lock is the runtime lock and what tests add, so that both always mean the same versions.
RESOLVE = uv pip compile --universal --python-version 3.10 --generate-hashes --no-annotate --no-header --quiet --extra airflow --extra build --extra embedded --extra stream
lock: ## Resolve the dependencies anew into the three lock files (needs uv; UPGRADE=1: to the newest versions)
	$(RESOLVE) $(if $(UPGRADE),--upgrade) pyproject.toml -o data_pipeline/requirements.txt
	grep -hoE '^[a-z0-9._-]+==[^\\]*' requirements-dev.txt data_pipeline/requirements-celery.txt > pins.new || true
	$(RESOLVE) --extra mcp --extra dev $(if $(UPGRADE),,-c pins.new) -c data_pipeline/requirements.txt pyproject.toml | $(PYTHON) -m tools.added_lock data_pipeline/requirements.txt data_pipeline/requirements.txt > lock.new && mv lock.new requirements-dev.txt
	$(RESOLVE) --extra celery --no-strip-extras $(if $(UPGRADE),,-c pins.new) -c data_pipeline/requirements.txt pyproject.toml | $(PYTHON) -m tools.added_lock requirements.txt data_pipeline/requirements.txt > lock.new && mv lock.new data_pipeline/requirements-celery.txt
	@rm -f pins.new

clean: setup ## Stop everything and delete what running made: databases, logs, .local
	@$(BIN)/data-pipeline down --delete
