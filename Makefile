# Everything one does with this project; `make` alone lists it. Needed are Python 3.11 or
# later, a C++ compiler and, for the side panel, Node.js 20 or later.

PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev,llama-cpp
# for JupyterLab (`make run ARGS="--no-browser --port=9999"`) and for pytest (`make test ARGS="-x -k wire"`)
ARGS ?=
# how many tests run at a time: most of them wait for a server or a browser
JOBS ?= 2

BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
INSTALLED := $(VENV)/.installed
NODE_MODULES := labextension/node_modules/.yarn-state.yml
PANEL := jupyter_llm/labextension/package.json
PANEL_LINK := $(VENV)/share/jupyter/labextensions/@jupyter-llm/labextension
PANEL_SOURCES := $(shell find labextension/src labextension/style -type f) labextension/tsconfig.json labextension/copySwaggerUI.mjs labextension/buildAdminPage.mjs
VLLM := .venv-vllm/.installed
CLIENTS := $(patsubst tests/clients/requirements-%.txt,.venv-clients/%/.installed,$(wildcard tests/clients/requirements-*.txt))
HAS_NODE := $(shell node --print 'parseInt(process.versions.node) >= 20 || ""' 2>/dev/null)

# $(call skip,WHAT): say what is left out and how to have it; in CI nothing may be left out
skip = @echo "SKIPPED: $(1). Install Node.js 20 or later (https://nodejs.org) and run this again."; test -z "$$CI"

.DEFAULT_GOAL := help
.PHONY: help install panel clients vllm run test test-vllm test-slow test-panel lint lint-panel format bench build clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

install: $(INSTALLED) panel ## create .venv with everything in it and build the side panel

run: install ## start JupyterLab with the built-in model loaded, and say how to reach it
	@$(BIN)/python .make/run.py $(ARGS)

clients: $(CLIENTS) ## install the client libraries that the tests use, in .venv-clients

vllm: $(VLLM) ## install vLLM for the processor in .venv-vllm, which is 2 GB

test: install test-panel clients ## run the tests, but for those that are slow or need a GPU or vLLM
	$(BIN)/python -m pytest -n $(JOBS) --no-loadscope-reorder -m "not slow and not gpu and not vllm" $(ARGS)
	$(if $(CI),$(MAKE) test-vllm,@echo "SKIPPED: the tests of the vLLM engine. make test-vllm runs them, after an installation of 2 GB.")

test-vllm: install vllm ## run the tests of the vLLM engine
	.venv-vllm/bin/python -m pytest -n $(JOBS) --no-loadscope-reorder -m "vllm and not slow and not gpu" $(ARGS)

test-slow: install ## run the slow tests
	$(BIN)/python -m pytest -m "slow and not gpu and not vllm" $(ARGS)

lint: $(INSTALLED) lint-panel ## check style, types, layers and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -c 'import nbformat, sys; [nbformat.validate(nbformat.read(path, 4)) for path in sys.argv[1:]]' $(wildcard notebooks/*.ipynb)

format: $(INSTALLED) $(if $(HAS_NODE),$(NODE_MODULES)) ## bring everything into the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(HAS_NODE),cd labextension && jlpm run fix)

bench: $(INSTALLED) ## measure this server beside others; takes half an hour
	@$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS),bench]'
	$(BIN)/python -m jupyter_llm.bench $(ARGS)

build: install ## build the wheel and the source distribution into dist/
	$(BIN)/python -m hatchling build

clean: ## remove what was built, but for the environment
	rm -rf dist labextension/lib labextension/*.tsbuildinfo jupyter_llm/labextension \
		jupyter_llm/swagger_ui jupyter_llm/admin_page

$(INSTALLED): pyproject.toml labextension/hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or later is needed; $(PYTHON) is {sys.version.split()[0]}. Name another one: make PYTHON=python3.12 …")'
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null \
		|| echo "No C++ compiler was found; llama.cpp needs one (apt-get install g++, or xcode-select --install)."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "Installing jupyter-llm[$(EXTRAS)] into $(VENV). The first time, pip compiles llama.cpp for this"
	@echo "machine's processor: about 6 minutes on two cores. It keeps the result for the next time."
	@$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@

.venv-clients/%/.installed: tests/clients/requirements-%.txt | $(INSTALLED)
	@echo "Installing client libraries for the tests into $(@D)."
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

# what vLLM pins goes before what is installed in .venv, which it finds behind its own packages
$(VLLM): tests/vllm-requirements.txt | $(INSTALLED)
	@echo "Installing vLLM for the processor into $(@D): about two minutes."
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --no-deps --only-binary :all: --requirement $<
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> $$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/behind.pth
	@touch $@

ifneq ($(HAS_NODE),)
panel: $(PANEL) $(PANEL_LINK) ## build the side panel

test-panel: $(NODE_MODULES)
	cd labextension && jlpm run test

lint-panel: $(NODE_MODULES)
	cd labextension && jlpm run lint

$(NODE_MODULES): labextension/package.json labextension/yarn.lock | $(INSTALLED)
	cd labextension && jlpm install --immutable
	@touch $@

$(PANEL): $(PANEL_SOURCES) $(NODE_MODULES)
	cd labextension && jlpm run build

$(PANEL_LINK): $(PANEL)
	@$(BIN)/jupyter-builder develop --overwrite .
	@touch -h $@
else
panel: $(INSTALLED)
	$(call skip,the side panel is not built and JupyterLab starts without it)

test-panel:
	$(call skip,the side panel's tests)

lint-panel:
	$(call skip,the side panel's checks)
endif
