# Everything is made inside this folder; `make clean` undoes what is made outside of it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON := .venv/bin/python
IS_ROOT := $(filter 0,$(shell id -u))
PYTEST_ARGUMENTS ?=
# What help shows first; every other target with a text stands below Developing.
STUDIES := demo ui import clean rehearse flux three-operators nightly-demo
MEASURES := bench bench-rehearsal control-path faults power-study adaptive-study
DEVELOPING = $(filter-out $(STUDIES) $(MEASURES),$(shell sed -nE 's/^([a-z-]+):.*##.*/\1/p' $(firstword $(MAKEFILE_LIST))))
DEMO ?= {}
export UI_PORT ?= 8180
export PYTHONPATH :=

.PHONY: help
help:  ## Show what there is to make
	@for group in 'Studies: $(STUDIES)' 'Measuring and simulating: $(MEASURES)' 'Developing: $(DEVELOPING)'; do \
	  printf '%s\n' "$${group%%:*}"; \
	  for target in $${group#*:}; do \
	    sed -nE "s/^$$target:.*## (.*)/  $$target\t\1/p" $(firstword $(MAKEFILE_LIST)) | expand -t 24; \
	  done; \
	done
	@echo 'bin/opbench --help tells of lists, comparisons and checks'

.PHONY: setup
setup: .venv/.locked .airflow/test-run/.migrated cluster-programs  ## Install all that the other targets need
	@echo "set up"

.venv/.locked: requirements.lock bin/install
	@bin/install
	@touch $@

.airflow/test-run/.migrated: .venv/.locked
	@echo "preparing Airflow's database"
	@mkdir -p $(@D)
	@bin/airflow test-run db migrate > $(@D)/migrate.log 2>&1 || { cat $(@D)/migrate.log >&2; exit 1; }
	@touch $@

# Each of these does nothing when its work is done.
.PHONY: cluster-programs
cluster-programs: .venv/.locked
ifeq ($(IS_ROOT),0)
	@$(PYTHON) -m include.embedded.packages
endif
	@$(PYTHON) -m include.embedded.binaries
ifeq ($(IS_ROOT),0)
	@$(PYTHON) -m include.embedded.image
else
	@echo "not root: the local cluster and its tests are left out"
endif

.PHONY: lint
lint: .venv/.locked  ## Check style and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

# Tests of one cluster, one port or one Airflow stay in one process, see tests/distribution.py. Of
# three processes on two cores, those with the clusters wait most of their time. What is compiled is
# kept: the processes that tests start begin sooner.
IN_PARALLEL = --dist loadfile --no-loadscope-reorder
.PHONY: test
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/.locked cluster-programs  ## Run the tests; the local cluster's only as root
	@bin/browser
ifeq ($(IS_ROOT),0)
	@$(PYTHON) -m pytest -n 3 $(IN_PARALLEL) --cov --cov-report=term --cov-fail-under=90 $(PYTEST_ARGUMENTS)
else
	@$(PYTHON) -m pytest -n 3 $(IN_PARALLEL) --cov --cov-report=term $(PYTEST_ARGUMENTS)
endif

# Without `sockets`, whose tests connect to servers that they start. `make test` has those, and
# more examples for the tests of properties.
UNIT = not system and not scheduler and not browser and not sockets
.PHONY: test-unit
test-unit: export PYTHONDONTWRITEBYTECODE :=
test-unit: .venv/.locked  ## Run the tests that need neither root nor network, in a minute or two
	@$(PYTHON) -m pytest -n 2 $(IN_PARALLEL) -m "$(UNIT)" --hypothesis-profile=few-examples $(PYTEST_ARGUMENTS)

.PHONY: docker-programs
docker-programs:
	@for program in dockerd docker-compose debootstrap; do command -v $$program > /dev/null || \
	  bin/apt-install docker.io docker-compose debootstrap; done

.PHONY: compose-test
compose-test: .venv/.locked docker-programs  ## docker-compose.yaml in real containers, in a Docker daemon of its own (as root)
	@COMPOSE_TEST=1 $(PYTHON) -m pytest $(if $(findstring tests/,$(PYTEST_ARGUMENTS)),,tests/deployment) $(PYTEST_ARGUMENTS)

.PHONY: helm-test
helm-test: .venv/.locked cluster-programs docker-programs  ## deploy/helm-values.yaml installed on the local cluster by the helm on PATH (as root); CHART=<Airflow's chart>
	@HELM_CHART='$(CHART)' $(PYTHON) -m pytest tests/deployment/test_helm_install.py $(PYTEST_ARGUMENTS)

# The Flux Operator takes part where its controller and Flux can be had; else a line says what is
# missing. `demo` itself is not told to fail: the other operators need neither.
.PHONY: demo-study
demo-study: .venv/.locked  # a slip of the pen is told before anything is set up
	@bin/opbench check '$(DEMO)' > /dev/null

.PHONY: demo
demo: demo-study setup  ## Compare operators on a cluster on this machine (as root); DEMO='{...}' sets params
	@exec bin/demo "$$($(PYTHON) -m include.embedded.flux --demo '$(DEMO)')"

.PHONY: controllers
controllers: .venv/.locked  ## Build the controllers of Kubeflow Trainer and JobSet, which a study else does when it first asks for them
	@$(PYTHON) -m include.embedded.on_demand

VIEW ?=
.PHONY: flux
flux: setup  ## Bring the Flux Operator and Flux for the local cluster; VIEW=<archive, image or prefix> MANIFEST=
	@$(PYTHON) -m include.embedded.flux $(if $(MANIFEST),--manifest '$(MANIFEST)') $(if $(VIEW),'$(VIEW)')

PRESET ?= rehearsal
REPEATS ?= $(if $(filter rehearsal,$(PRESET)),2)
REHEARSAL = {"preset":"$(PRESET)"$(if $(REPEATS),$(COMMA)"repeats":$(REPEATS))}
COMMA := ,

.PHONY: rehearse
rehearse: setup  ## Run 6's study on 65 simulated nodes; REPEATS=2, or PRESET=rehearsal_lean: fewer jobs, nodes given back (half an hour)
	@exec bin/demo '$(REHEARSAL)'

.PHONY: bench-rehearsal
bench-rehearsal: setup  ## A rehearsal, and what it takes: nodes Ready, gaps, memory, and what a lean one saves
	@exec $(PYTHON) -m include.bench.rehearsal --preset $(PRESET) $(if $(REPEATS),--repeats $(REPEATS)) --write docs/$(PRESET).md

THREE = {"name":"three-operators","operators":["mpi_operator","flux_operator","indexed_job"],"design":"interleaved","nodes":[1,2],"repeats":12,"warmups":1}
.PHONY: three-operators
three-operators: setup flux  ## MPI Operator, Flux Operator and Indexed Job, 12 repeats each; on a quiet machine (half an hour, as root)
	@exec bin/demo '$(THREE)'

FAULTS ?= --write docs/faults.md
.PHONY: faults
faults: .venv/.locked .airflow/test-run/.migrated cluster-programs  ## Play the fault matrix; FAULTS="--quick", "--cluster local" or "--cluster airflow"
	@exec $(PYTHON) -m include.drills.faults $(FAULTS)

SOAK ?= --hours 24 --minutes 60 --seed 1 --write docs/faults.md
.PHONY: soak
soak: .venv/.locked cluster-programs  ## Nights of studies with a fault every few minutes by seed; SOAK="--hours 24 --minutes 60 --seed 1"
	@exec $(PYTHON) -m include.drills.soak $(SOAK)

CONTROL_PATH ?= --write docs/control_path.md
.PHONY: control-path
control-path: .venv/.locked  ## Measure each operator's control path, 8 to 1,024 simulated nodes, one job and many at once (five hours)
	@$(PYTHON) -m include.embedded.binaries
	@exec $(PYTHON) -m include.control_path $(CONTROL_PATH)

.PHONY: ui
ui: setup  ## Start Airflow with its UI, on this machine only; UI_PORT=8180
	@exec bin/ui

.PHONY: bench
bench: setup  ## Measure the cost of cluster, pipeline and analysis (as root); DATA="folders of recorded runs"
	@$(PYTHON) -m include.bench --data $(DATA) --write docs/benchmarks.md

.PHONY: import
import: .venv/.locked  ## Read experiment folders of other tools: DIR="..." OUT=...; LAYOUT=, PATTERN=, PRICE=, VERBOSE=1
	@bin/opbench import $(DIR) --out $(OUT) $(if $(LAYOUT),--layout $(LAYOUT)) \
	    $(if $(PATTERN),--pattern '$(PATTERN)') $(if $(PRICE),--hourly-price-usd $(PRICE)) \
	    $(if $(PUBLISHED_FIGURES),--published-figures) $(if $(VERBOSE),--verbose)

.PHONY: nightly-demo
nightly-demo: .venv/.locked  ## Play 30 nights with a step of 5 % on simulated nodes, and show the trend; SEED=1
	@$(PYTHON) -m include.embedded.binaries
	@$(PYTHON) -m include.regression.nightly_demo $(if $(SEED),--seed $(SEED))

.PHONY: power-study
power-study: .venv/.locked  ## What the regression test finds, by simulation: RUNS=<folder of recorded runs>; SPREAD=2
	@$(PYTHON) -m include.regression.power_study $(if $(RUNS),--runs '$(RUNS)') $(if $(TRIALS),--trials $(TRIALS)) $(if $(SPREAD),--night-spread $(SPREAD))

.PHONY: adaptive-study
adaptive-study: .venv/.locked  ## How often studies that stop early are right, by simulation: RUNS="folders of recorded runs" [ALIKE="folders, two by two"]
	@$(PYTHON) -m include.bench.adaptive --runs $(RUNS) $(if $(ALIKE),--alike $(ALIKE)) $(if $(TRIALS),--trials $(TRIALS))

# apache-otava pins an old numpy, so it is none of the project's packages.
.PHONY: golden-change-points
golden-change-points: .venv/.locked  ## Make the change points anew that tests compare ours with
	@uv="$$(command -v uv || echo .cache/uv/bin/uv)"; \
	"$$uv" run --quiet --no-project --python .venv/bin/python --with apache-otava==0.8.0 \
	  python tests/regression/make_golden.py tests/golden/change_points.json

.PHONY: aws-mutations
aws-mutations: .venv/.locked  ## Put plausible faults into the AWS templates and code, and show that a check sees each
	@$(PYTHON) -m pytest tests/aws/test_mutations.py tests/aws/test_every_leaf.py tests/aws/test_rights.py $(PYTEST_ARGUMENTS)

.PHONY: clean
clean:  ## Remove what the project made outside its folder, also after a crash
	@if [[ -x $(PYTHON) ]]; then bin/opbench clean; else echo "nothing to clean"; fi

.PHONY: distclean
distclean: clean  ## Remove everything made by the project, caches too; results are kept
	@if [[ -d .cache ]]; then chmod -R u+w .cache; fi  # Go keeps its modules read-only
	@rm -rf .venv .airflow .cache .mypy_cache .ruff_cache .pytest_cache .coverage*
