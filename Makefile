# `make` lists the targets. Everything a target needs is installed on the way, and skipped when it's there.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
# Variables of the user's that change what a Python imports, as in toolchain/pulumi_engine/environment.py.
unexport PYTHONPATH PYTHONHOME PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONUSERBASE PYTHONSTARTUP PYTHONINSPECT \
  PYTHONOPTIMIZE PYTHONWARNINGS PYTHONCASEOK PYTHONEXECUTABLE PULUMI_PYTHON_CMD VIRTUAL_ENV

PYTHON ?= python3

STACK ?= dev
SERVICE ?= api
# Only from the command line: one in the environment may be another program's.
YES :=
# Values that a user sets are plain text: make expands nothing in them, and a shell gets each as one quoted word.
VARIABLES := STACK SERVICE CONFIRM REPOSITORY TAG BACKEND YES
$(foreach name,$(VARIABLES),$(eval override $(name) := $$(value $(name))))
define newline


endef
quoted = '$(subst $(newline),'$$'\n'',$(subst ','\'',$($(1))))'
# Refuses a value that can't be one. First in each target that uses more of them than STACK, which SETUP checks.
check = $(PYTHON) -m toolchain.targets.make_variables $(foreach name,$(1),$(name)=$(call quoted,$(name)))

SETUP := $(call check,STACK) && $(PYTHON) -m toolchain --stack=$(call quoted,STACK)
# The state of a stack is where its config says.
ENV := STACK=$(call quoted,STACK) && source .tools/env
VENV := .venv/bin
# Unit tests take the processor. Other tests mostly wait, for containers and the engine: on two cores more processes than
# this only get in each other's way.
UNIT := -n auto
PARALLEL := -n 3
# What an operator does is a command of `tt`; its target sets this machine up before.
TT = exec ./tt $(1) --stack=$(call quoted,STACK)
# dev goes ahead; elsewhere a person reads the diff first, or says YES=--yes.
ANSWER := $(or $(YES),$(if $(filter dev,$(STACK)),--yes))
# First in a target that asks where there is no answer yet.
can_ask = $(if $(ANSWER),:,$(PYTHON) -m toolchain.targets.terminal $(1) $(call quoted,STACK))

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: ## set up this machine and bring the stack up (STACK=dev; other stacks ask before they change: YES=--yes answers)
	@$(call check,STACK YES)
	@$(call can_ask,up)
	@$(SETUP) venv settings engine dev_images stack
	@$(call TT,up) $(if $(ANSWER),--yes)

.PHONY: preview
preview: ## show what `up` would change; needs no Docker
	@$(SETUP) venv settings engine stack
	@$(call TT,preview)

.PHONY: down
down: ## remove the stack's containers and networks; data volumes and their key stay (YES=--yes as for up)
	@$(call check,STACK YES)
	@$(call can_ask,down)
	@$(SETUP) venv engine dev_docker stack
	@$(call TT,down) $(if $(ANSWER),--yes)

.PHONY: purge
purge: ## ask, then remove the stack with all its data (CONFIRM=<stack> answers)
	@$(call check,STACK CONFIRM)
	@$(PYTHON) -m toolchain.targets.purge --stack=$(call quoted,STACK) --confirm=$(call quoted,CONFIRM)
	@$(SETUP) venv engine dev_docker stack
	@$(call TT,purge) --confirm=$(call quoted,STACK)

.PHONY: recover
recover: ## go on after an `up` that was killed: its lock, and what it was making (CONFIRM=<stack> for another's lock; YES=--yes answers)
	@$(call check,STACK CONFIRM YES)
	@$(SETUP) venv engine
	@$(call TT,recover) $(if $(CONFIRM),--confirm=$(call quoted,CONFIRM)) $(if $(YES),--yes)

.PHONY: unlock
unlock: ## clear the lock of an `up` that was killed (CONFIRM=<stack> for another's)
	@$(call check,STACK CONFIRM)
	@$(SETUP) venv engine
	@$(call TT,unlock) $(if $(CONFIRM),--confirm=$(call quoted,CONFIRM))

.PHONY: state
state: ## where the state is, or move it (BACKEND=s3://bucket/folder?region=REGION, or file)
	@$(call check,STACK BACKEND)
	@$(SETUP) venv engine
	@$(call TT,state $(if $(BACKEND),move,show)) $(if $(BACKEND),$(call quoted,BACKEND))

.PHONY: status
status: ## the stack at a glance: services, backups, the last drill, and what is wrong
	@$(SETUP) venv
	@$(call TT,status)

.PHONY: logs
logs: ## follow the log of a service (SERVICE=api)
	@$(call check,STACK SERVICE)
	@$(SETUP) venv
	@$(call TT,logs) $(call quoted,SERVICE)

.PHONY: audit
audit: ## check what really runs on the Docker host against the policies
	@$(SETUP) venv engine stack
	@$(call TT,audit)

.PHONY: push
push: ## build the images and push them (REPOSITORY=registry.example.com/tasktracker, TAG=the version)
	@$(call check,REPOSITORY TAG) --needed=REPOSITORY
	@$(SETUP) venv docker images
	@exec ./tt push $(if $(TAG),--tag=$(call quoted,TAG)) $(call quoted,REPOSITORY)

.PHONY: pin
pin: ## write the digests of pushed images into a stack's config (REPOSITORY=..., TAG=...)
	@$(call check,STACK REPOSITORY TAG)
	@$(SETUP) venv engine stack
	@$(call TT,pin) $(if $(REPOSITORY),--repository=$(call quoted,REPOSITORY)) $(if $(TAG),--tag=$(call quoted,TAG))

.PHONY: clean
clean: ## remove images of earlier builds, and of other clones, that no container uses (it asks: YES=--yes answers)
	@$(call check,STACK YES)
	@$(SETUP) docker
	@$(PYTHON) -m toolchain.targets.clean $(if $(YES),$(call quoted,YES))

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
	@$(VENV)/pytest -q $(UNIT) tests/unit tests/policies components policies settings ops remote stackfile toolchain images docs

.PHONY: test
test: check ## unit tests, and those of the toolchain and of whole stacks on a real engine and a real Docker; test-all has those that take long
	@$(SETUP) engine shells
	@# 69: no Docker engine can run here; then the tests that need one are skipped, unless this is CI.
	@$(SETUP) docker images browser remote_host || { [ $$? -eq 69 ] && [ "$$CI" != true ]; }
	@$(ENV) && pytest -q $(PARALLEL) tests --ignore tests/unit --ignore tests/policies

.PHONY: test-all
test-all: test policies ## every test, and those that take long: restores, upgrades, 100,000 generated inputs a rule, damages by hand, newer versions of Python, and the newest Docker of Debian (takes root on a Debian)
	@$(ENV) && pytest -q $(PARALLEL) -m nightly tests --ignore tests/unit --ignore tests/policies --ignore tests/nightly --ignore tests/damage
	@# Each of these takes a whole machine.
	@$(ENV) && pytest -q -m nightly tests/nightly tests/damage

.PHONY: policies
policies: ## the policy pack's tests, with 100,000 random inputs through each rule
	@$(SETUP) development
	@FUZZ_INPUTS=100000 $(VENV)/pytest -q $(UNIT) tests/policies tests/unit/settings tests/fuzz policies

.PHONY: bench
bench: ## benchmarks, one JSON line a figure
	@$(SETUP) development engine docker images
	@$(ENV) && python -m bench

.PHONY: docs
docs: ## write the generated documents anew
	@$(SETUP) development engine stack graphviz
	@$(VENV)/python -m settings.documents.schema
	@$(VENV)/python -m policies.reference
	@$(VENV)/python -m ops.tt.reference
	@$(VENV)/python -m docs.pull_request_comment
	@$(VENV)/python -m docs.damages
	@$(VENV)/python -m images.dockerignores
	@$(VENV)/python -m docs.quotes
	@$(ENV) && python -m docs.picture

.PHONY: snapshot
snapshot: ## write the graph of prod anew that a test holds the program to, for review
	@$(SETUP) development engine
	@$(ENV) && WRITE_SNAPSHOTS=1 pytest -q tests/e2e/environments/test_committed.py -k graph

.PHONY: lock
lock: ## write the lock files anew, with hashes
	@$(SETUP) development
	@$(VENV)/uv pip compile --quiet --universal app/requirements.in --output-file app/requirements.lock $(LOCK_OPTIONS)
	@# In this order: each lock is on top of those before it.
	@for group in base aws cloudflare development; do \
	  $(VENV)/uv pip compile --quiet "requirements/$$group.in" --output-file "requirements/$$group.lock" $(LOCK_OPTIONS) || exit; \
	done
LOCK_OPTIONS := --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"
