# `make` lists the targets. Everything a target needs is installed on the way, and skipped when it's there.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
# Variables of the user's that change what a Python imports, as in toolchain/environment.py.
unexport PYTHONPATH PYTHONHOME PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONUSERBASE PYTHONSTARTUP PYTHONINSPECT \
  PYTHONOPTIMIZE PYTHONWARNINGS PYTHONCASEOK PYTHONEXECUTABLE PULUMI_PYTHON_CMD VIRTUAL_ENV

STACK ?= dev
SERVICE ?= api
PYTHON ?= python3
SETUP := $(PYTHON) -m toolchain --stack '$(STACK)'
# The state of a stack is where its config says.
ENV := STACK='$(STACK)' && source .tools/env
PULUMI := $(ENV) && exec pulumi --stack '$(STACK)'
# Where a lock or a passphrase was in the way, whose it is and what to do.
OR_SAY_WHY = || { code=$$?; ./tt state check --stack '$(STACK)' >&2; exit $$code; }
VENV := .venv/bin
# Unit tests take the processor. Other tests mostly wait, for containers and the engine: on two cores more processes than
# this only get in each other's way.
UNIT := -n auto
PARALLEL := -n 3
# The preview that refuses what breaks a policy before anything changes; docs/policies.md.
POLICIES := --policy-pack policies --policy-pack-config policies/config.json
# dev goes ahead; elsewhere a person reads the diff first, or says YES=--yes.
YES := $(if $(filter dev,$(STACK)),--yes)
# Only a stack of the environment dev runs the images that are built here, and on this machine's engine.
LOCAL := $(if $(shell grep -sE "^ +[\"']?(tasktracker:)?environment[\"']?: *[\"']?dev[\"']?[[:space:]]*(\#.*)?$$" 'Pulumi.$(STACK).yaml'),docker images)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: ## set up this machine and bring the stack up (STACK=dev)
	@$(SETUP) venv engine $(LOCAL) stack
	@($(PULUMI) up $(POLICIES) $(YES) --diff=false) $(OR_SAY_WHY)
	@# A state in a folder is lost with it: what can be had back is in the repository of the backups.
	@./tt state save --stack '$(STACK)' --if-possible
	@echo "==> Task Tracker is at $$($(PULUMI) stack output url)"

.PHONY: preview
preview: ## show what `up` would change; needs no Docker
	@$(SETUP) venv engine stack
	@($(ENV) && exec python -m toolchain.preview pulumi --stack '$(STACK)' preview $(POLICIES) --diff) $(OR_SAY_WHY)

.PHONY: down
down: ## remove the stack's containers and networks; data volumes and their key stay
	@$(SETUP) venv engine $(firstword $(LOCAL)) stack
	@($(PULUMI) destroy --exclude-protected $(YES) $(if $(YES),--skip-preview)) $(OR_SAY_WHY)

.PHONY: purge
purge: ## ask, then remove the stack with all its data (CONFIRM=<stack> answers)
	@answer='$(CONFIRM)'; question="This deletes all data of the stack '$(STACK)'. Type its name to go on: "; \
	  if [ -z "$$answer" ] && [ -t 0 ]; then read -r -p "$$question" answer; fi; \
	  [ "$$answer" = '$(STACK)' ] || { echo "nothing was deleted: \`make purge STACK=$(STACK) CONFIRM=$(STACK)\` would"; exit 1; }
	@$(SETUP) venv engine $(firstword $(LOCAL)) stack
	@$(PULUMI) state unprotect --all --yes
	@$(PULUMI) destroy --yes --skip-preview

.PHONY: recover
recover: ## go on after an `up` that was killed: its lock, and what it was making (CONFIRM=<stack> for another's lock)
	@$(SETUP) venv engine
	@exec ./tt recover --stack '$(STACK)' $(if $(CONFIRM),--confirm '$(CONFIRM)')

.PHONY: unlock
unlock: ## clear the lock of an `up` that was killed (CONFIRM=<stack> for another's)
	@$(SETUP) venv engine
	@exec ./tt state unlock --stack '$(STACK)' $(if $(CONFIRM),--confirm '$(CONFIRM)')

.PHONY: state
state: ## where the state is, or move it (BACKEND=s3://bucket/folder?region=REGION, or file)
	@$(SETUP) venv engine
	@exec ./tt state $(if $(BACKEND),move '$(BACKEND)',show) --stack '$(STACK)'

.PHONY: status
status: ## the stack at a glance: services, backups, the last drill, and what is wrong
	@$(SETUP) venv
	@exec ./tt status --stack '$(STACK)'

.PHONY: logs
logs: ## follow the log of a service (SERVICE=api)
	@$(SETUP) venv
	@exec $(VENV)/python -m toolchain.containers --stack '$(STACK)' '$(SERVICE)'

.PHONY: audit
audit: ## hold what really runs on the Docker host against the policies
	@$(SETUP) venv engine stack
	@$(ENV) && pulumi stack export --stack '$(STACK)' | python -m policies.audit --stack '$(STACK)' --state -

.PHONY: push
push: ## build the images and push them (REPOSITORY=registry.example.com/tasktracker, TAG=the version)
	@$(SETUP) venv docker images
	@exec $(VENV)/python -m toolchain.push $(if $(TAG),--tag '$(TAG)') '$(REPOSITORY)'

.PHONY: pin
pin: ## write the digests of pushed images into a stack's config (REPOSITORY=..., TAG=...)
	@$(SETUP) venv engine stack
	@$(ENV) && exec python -m ops.pin --stack '$(STACK)' --repository '$(REPOSITORY)' \
	  --tag '$(or $(TAG),$(if $(REPOSITORY),$(shell cat VERSION)))'

.PHONY: clean
clean: ## remove images of earlier builds that no container uses
	@$(SETUP) docker prune

.PHONY: tools
tools: ## only the Python environment and the Pulumi engine with its plugins (STACK=dev)
	@$(SETUP) venv engine

.PHONY: images
images: ## only the images
	@$(SETUP) docker images

.PHONY: check
check: ## lint, types and unit tests; no Docker
	@$(SETUP) development
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports
	@$(VENV)/pytest -q $(UNIT) tests/unit tests/policies components policies ops/tt

.PHONY: test
test: check ## every test: unit, toolchain, and end to end on a real engine and a real Docker
	@$(SETUP) engine shells
	@# 69: no Docker engine can run here; then the tests that need one are skipped, unless this is CI.
	@$(SETUP) docker images browser remote_host || { [ $$? -eq 69 ] && [ "$$CI" != true ]; }
	@$(ENV) && pytest -q $(PARALLEL) tests --ignore tests/unit --ignore tests/policies

.PHONY: test-all
test-all: test ## every test, and those that take long: the newest Docker of Debian (takes root on a Debian)
	@$(ENV) && pytest -q -m nightly tests/nightly

.PHONY: policies
policies: ## the policy pack's tests, with 100,000 random inputs through each rule
	@$(SETUP) development
	@FUZZ_INPUTS=100000 $(VENV)/pytest -q tests/policies tests/fuzz policies

.PHONY: bench
bench: ## benchmarks, one JSON line a figure
	@$(SETUP) development engine docker images
	@$(ENV) && python -m bench

.PHONY: docs
docs: ## write the generated documents anew
	@$(SETUP) development engine stack graphviz
	@$(VENV)/python -m settings.schema
	@$(VENV)/python -m policies.reference
	@$(VENV)/python -m ops.tt.reference
	@$(VENV)/python -m docs.pull_request_comment
	@$(ENV) && python -m docs.picture

.PHONY: snapshot
snapshot: ## write the graph of prod anew that a test holds the program to, for review
	@$(SETUP) development engine
	@$(ENV) && WRITE_SNAPSHOTS=1 pytest -q tests/e2e/test_committed.py -k graph

.PHONY: lock
lock: ## write the lock files anew, with hashes
	@$(SETUP) development
	@$(VENV)/uv pip compile --quiet --universal app/requirements.in --output-file app/requirements.lock $(LOCK_OPTIONS)
	@# In this order: each lock is on top of those before it.
	@for group in base aws cloudflare development; do \
	  $(VENV)/uv pip compile --quiet "requirements/$$group.in" --output-file "requirements/$$group.lock" $(LOCK_OPTIONS) || exit; \
	done
LOCK_OPTIONS := --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"
