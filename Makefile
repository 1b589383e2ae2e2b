# Everything here works on a machine with Node 20 and npm. CLUSTER=kubeconfig takes the cluster of $KUBECONFIG or
# ~/.kube/config instead of the sandbox.
CLUSTER ?= sandbox
STATE_DIR := $(CURDIR)/.aviary
NAMESPACE := test

ifeq ($(CLUSTER),sandbox)
export KUBECONFIG := $(STATE_DIR)/kubeconfig
endif

# kubectl when it is installed (with a cache of its own: it remembers other clusters by their address), else ours.
KUBECTL := $(shell command -v kubectl 2>/dev/null)
ifneq ($(KUBECTL),)
DESCRIBE := $(KUBECTL) --cache-dir=$(STATE_DIR)/kubectl-cache -n $(NAMESPACE) describe
else
DESCRIBE := bin/aviary describe -n $(NAMESPACE)
endif

SOURCES := $(shell find src sandbox -name '*.ts' -not -name '*.test.ts') package.json tsconfig.json tsconfig.build.json

.DEFAULT_GOAL := help
.PHONY: help demo test infrastructure check edit clean build bench running

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 24

demo: build ## show a promotion and a rollback, on a sandbox of its own
	@bin/aviary demo

test: node_modules/.package-lock.json ## install what is needed and run every test
	@npm run --silent check
	@npm run --silent build
	@npx vitest run

infrastructure: build ## start the cluster and install mesh, Prometheus, operator, load tester and podinfo
ifeq ($(CLUSTER),sandbox)
	@bin/aviary sandbox up --state-dir $(STATE_DIR)
endif
	@bin/aviary apply deploy examples/podinfo
	@bin/aviary wait canary/podinfo -n $(NAMESPACE)
ifeq ($(CLUSTER),sandbox)
	@bin/aviary sandbox status --state-dir $(STATE_DIR) | sed -n \
	  -e 's|^  ingress *\(.*\)|podinfo answers at \1: curl -H "Host: podinfo.example.com" \1/|p' \
	  -e 's|^  kubeconfig *\(.*\)|kubectl works with: export KUBECONFIG=\1|p'
endif

check: running ## describe the Canary and its events
	@$(DESCRIBE) canary/podinfo

edit: running ## release the next podinfo
	@bin/aviary bump deployment/podinfo -n $(NAMESPACE)

clean: ## stop and remove all of it
ifeq ($(CLUSTER),sandbox)
	@if [ -f dist/src/main.js ]; then bin/aviary sandbox down --state-dir $(STATE_DIR); fi
	@rm -rf $(STATE_DIR)
else
	@$(KUBECTL) delete --ignore-not-found -k examples/podinfo
	@$(KUBECTL) delete --ignore-not-found -k deploy
endif

# What the others need, said plainly when it is not there.
running:
ifeq ($(CLUSTER),sandbox)
	@[ -f dist/src/main.js ] && bin/aviary sandbox status --state-dir $(STATE_DIR) >/dev/null || \
	  { echo "the sandbox is not running: make infrastructure first"; exit 1; }
endif

build: dist/src/main.js ## compile

bench: build ## run the benchmarks
	@npm run --silent bench

dist/src/main.js: node_modules/.package-lock.json $(SOURCES)
	@npm run --silent build

node_modules/.package-lock.json: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
