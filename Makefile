# Two commands matter: `make demo` runs a training on this machine, `make test` runs every test.
# Both need Python >= 3.11 and make, and set up the rest by themselves.

PYTHON ?= python3
VENV := .venv
# Of `make test`: most of it waits for other processes, and files of tests do not know one another.
# Each takes up to a gigabyte, most of it a control plane's; more than six of them gain nothing.
PROCESSES ?= $(shell awk '/^MemAvailable/ {n = int($$2 / 1500000); print (n < 2 ? 2 : n > 6 ? 6 : n)}' \
  /proc/meminfo 2>/dev/null || echo 4)
# Files that take minutes go first, so that no process is left with one at the end.
SLOW_FIRST := tests/control_plane tests/local tests/protocol tests/unit
BIN := $(VENV)/bin
MEMBERS := protocol api contracts reconciler operator cli environments daemon actor search trainer league
PACKAGES := $(foreach member,$(MEMBERS),$(member)/src)
EDITABLE := $(patsubst %,-e %,$(filter-out cli,$(MEMBERS))) -e 'cli[local]'
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit local control-plane soak e2e check lint format generate generate-check lock benchmarks-setup docs docs-serve images images-load sbom clean

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: .stamp/run ## Install what the product needs into .venv

.stamp/venv:
	@mkdir -p .stamp
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=/path/to/python3.11 …" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment: on Debian install python3-venv" >&2; exit 2; }
	@touch $@

# Editable installs: the code is used where it stands, so only changed requirements install again.
.stamp/run: .stamp/venv constraints.txt $(MEMBERS:%=%/pyproject.toml)
	@echo "installing the product and its dependencies (torch is large: one to three minutes) …"
	$(PIP) install --quiet -c constraints.txt $(EDITABLE)
	@touch $@

.stamp/develop: .stamp/run tests/requirements.txt
	$(PIP) install --quiet -c constraints.txt -r tests/requirements.txt
	@touch $@

demo: .stamp/run ## Train examples/quickstart.yaml on this machine, with a live table and a report
	$(BIN)/trainingrun local -f examples/quickstart.yaml

test: .stamp/develop ## Run every test: unit, local processes, and a real Kubernetes control plane
	$(BIN)/python tests/control_plane/tools/build.py
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(SLOW_FIRST)

unit: .stamp/develop ## Run the unit tests only
	$(BIN)/python -m pytest tests/unit

local: .stamp/develop ## Run the tests with real local processes only
	$(BIN)/python -m pytest tests/local

control-plane: .stamp/develop ## Run the tests against a real API server only
	$(BIN)/python tests/control_plane/tools/build.py
	$(BIN)/python -m pytest tests/control_plane

soak: export SOAK_SHARE ?= 1
soak: .stamp/develop ## Run what needs time as a whole: random games, fuzzers, hostile input (SOAK_SHARE=0.2: a fifth)
	$(BIN)/python tests/control_plane/tools/build.py
	$(BIN)/python -m pytest -m soak tests/unit
	$(BIN)/python -m pytest -s tests/soak

e2e: .stamp/develop ## Run the tests on a real throw-away cluster (KUBECONFIG, E2E_BUILD_IMAGE; see tests/e2e/README.md)
	$(BIN)/python -m pytest tests/e2e

check: lint unit ## Everything that needs no cluster and no processes: the linters and the unit tests

lint: .stamp/develop ## Format, lint, types, import law, plain words, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@! grep -rnE '# fmt: *(skip|off)' --include='*.py' $(PACKAGES) tools testkit tests benchmarks charts docs || \
	  { echo "one format for all code: a trailing comma keeps a list on several lines" >&2; exit 1; }
	MYPYPATH=charts/generator $(BIN)/mypy $(PACKAGES) tools testkit charts/generator
	$(BIN)/lint-imports
	$(BIN)/python -m tools.plain_words
	$(MAKE) --no-print-directory generate-check

format: .stamp/develop ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: .stamp/develop ## Write the CRD, the chart's copy of it, the dashboards, the reference and the catalogue of cards
	$(BIN)/python -m tools.crd
	$(BIN)/python -m tools.conformance_vectors
	$(BIN)/python -m tools.league_code
	$(BIN)/python -m tools.league_protocol
	$(BIN)/python -m tools.card_catalogue
	$(BIN)/python -m tools.summary_page
	$(BIN)/python -m tools.cli_page
	$(BIN)/python -m tools.terminal_pictures
	$(BIN)/python charts/generator
	$(BIN)/python -m docs.site.drawing

generate-check: .stamp/develop ## Fail when a generated file differs from what it is made of
	$(BIN)/python -m tools.crd --check
	$(BIN)/python -m tools.conformance_vectors --check
	$(BIN)/python -m tools.league_code --check
	$(BIN)/python -m tools.league_protocol --check
	$(BIN)/python -m tools.card_catalogue --check
	$(BIN)/python -m tools.summary_page --check
	$(BIN)/python -m tools.cli_page --check
	$(BIN)/python -m tools.terminal_pictures --check
	$(BIN)/python charts/generator --check
	$(BIN)/python -m docs.site.drawing --check

lock: .stamp/venv ## Resolve constraints.txt again: pins that fit are kept (delete a line to renew it)
	$(PIP) install --quiet uv
	{ printf -- '-e ./%s\n' $(filter-out cli,$(MEMBERS)) 'cli[local]'; cat tests/requirements.txt; } | \
	  $(BIN)/uv pip compile --quiet --python $(BIN)/python --no-header --no-annotate --no-emit-index-url --output-file constraints.txt -
	sed -i -e '/^-e /d' -e '1i # One tested set of versions for every member, test and tool (`make lock`). It names no index,' \
	  -e '1i # so it works behind any mirror.' constraints.txt

# The peers of the speed comparisons stay out of .venv: nothing of ours depends on them.
benchmarks-setup: .stamp/run .stamp/benchmarks ## Install the peers that the speed comparisons need, into .venv-benchmarks

.stamp/benchmarks: benchmarks/requirements.txt constraints.txt
	@mkdir -p .stamp
	$(PYTHON) -m venv .venv-benchmarks
	grep -E '^(msgspec|numpy|torch)==' constraints.txt > .stamp/benchmarks-constraints.txt
	.venv-benchmarks/bin/python -m pip --disable-pip-version-check install --quiet -c .stamp/benchmarks-constraints.txt \
	  -r benchmarks/requirements.txt || \
	  { echo "A peer cannot be installed here; the speed comparisons say which one is missing" >&2; exit 2; }
	@touch $@

docs: .stamp/docs ## Build the documentation site into build/site, strictly: no link leads nowhere
	.venv-docs/bin/python -m docs.site.assemble build/docs
	.venv-docs/bin/zensical build --clean --strict
	.venv-docs/bin/python -m docs.site.finish build/site

docs-serve: .stamp/docs ## Show the documentation site at http://localhost:8000, as it stands now
	.venv-docs/bin/python -m docs.site.assemble build/docs
	.venv-docs/bin/zensical serve

# What builds the site stays out of .venv: nothing of ours depends on it.
.stamp/docs: docs/requirements.txt
	@mkdir -p .stamp
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip --disable-pip-version-check install --quiet -r docs/requirements.txt
	@touch $@

images: ## Build the eight images with docker, podman or buildah, and push them (REGISTRY=…; see images.sh)
	./images.sh $(TAG)

images-load: ## Give the images to a cluster here: kind, minikube, k3s or containerd (TARGET=…)
	./images/load.sh $(TAG)

sbom: ## List what the images are made of, as build/sbom/*.cdx.json
	./images/sbom.sh $(TAG)

clean: ## Remove the environment and what runs have left here
	rm -rf $(VENV) .venv-benchmarks .venv-docs .stamp .trainingrun report build
