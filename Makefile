# Everything here works on a machine with Node 20 and npm. CLUSTER=kubeconfig takes the cluster of $KUBECONFIG, or else of
# ~/.kube/config, instead of the sandbox. TARGET=aks makes a cluster on Azure. Paths are relative, so that the folder may have
# any name.
SHELL := /bin/sh
CLUSTER ?= sandbox
override STATE_DIR := .aviary
override NAMESPACE := test
override AVIARY := node bin/aviary
TARGET ?= $(CLUSTER)

# With git, Flux deploys the sandbox's walk-through from a Git repository, and a release is a commit.
GITOPS ?= $(if $(shell command -v git 2>/dev/null),yes,no)
ifneq ($(filter $(GITOPS),yes no),$(GITOPS))
$(error GITOPS must be yes or no, found "$(GITOPS)")
endif

# Further options of `aviary sandbox up`, for example --flux-crds FILE.
SANDBOX_OPTIONS ?=

ifneq ($(words $(wildcard bin/aviary deploy/kustomization.yaml)),2)
$(error run make in Aviary's own folder: cd there, or use make -C FOLDER)
endif

ifeq ($(TARGET),aks)
override CLUSTER := aks
else ifneq ($(TARGET),$(CLUSTER))
$(error TARGET must be aks, or absent: CLUSTER chooses between sandbox and kubeconfig, found "$(TARGET)")
endif

# One choice of cluster for each call: kubectl and aviary read the same variable.
ifeq ($(CLUSTER),sandbox)
override KUBECONFIG := $(STATE_DIR)/kubeconfig
# kubectl remembers clusters by their address, and a later sandbox may have the address of an earlier one.
KUBECTL := kubectl --cache-dir=$(STATE_DIR)/kubectl-cache
else ifeq ($(CLUSTER),aks)
override KUBECONFIG := $(STATE_DIR)/aks.kubeconfig
KUBECTL := kubectl
else ifeq ($(CLUSTER),kubeconfig)
override KUBECONFIG := $(or $(value KUBECONFIG),$(value HOME)/.kube/config)
KUBECTL := kubectl
else
$(error CLUSTER must be sandbox or kubeconfig, found "$(CLUSTER)")
endif
export KUBECONFIG

# kubectl when it is installed, else Aviary's own command, which prints the same.
ifneq ($(shell command -v kubectl 2>/dev/null),)
DESCRIBE := $(KUBECTL) -n $(NAMESPACE) describe canaries.flagger.app/podinfo
else
DESCRIBE := $(AVIARY) describe -n $(NAMESPACE) canary/podinfo
endif

SOURCES := $(shell find src sandbox -name '*.ts' -not -name '*.test.ts') package.json tsconfig.json tsconfig.build.json \
  scripts/build.mjs scripts/bundle.mjs

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test infrastructure check edit clean build bench running colon

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 24

demo: build ## show a promotion and a rollback, on a sandbox of its own
	@$(AVIARY) demo

test: colon node_modules/.package-lock.json ## install what is needed and run every test
	@npm run --silent check
	@npm run --silent build -- --checked
	@npx vitest run

ifeq ($(CLUSTER),aks)
infrastructure: build
	@bash scripts/aks.sh infrastructure
else
infrastructure: build ## start the cluster and install mesh, Prometheus, operator, load tester and podinfo
ifeq ($(CLUSTER),sandbox)
	@$(AVIARY) sandbox up --state-dir $(STATE_DIR) $(SANDBOX_OPTIONS)
endif
ifeq ($(CLUSTER)-$(GITOPS),sandbox-yes)
	@$(AVIARY) gitops up --state-dir $(STATE_DIR)
else
	@$(AVIARY) apply deploy
	@$(AVIARY) apply --create-only examples/podinfo
endif
	@$(AVIARY) wait canary/podinfo -n $(NAMESPACE) --phase initialized --timeout 5m
ifeq ($(CLUSTER),sandbox)
	@$(AVIARY) sandbox status --state-dir $(STATE_DIR) | sed -n \
	  -e 's|^  ingress *\(.*\)|podinfo answers at \1: curl -H "Host: podinfo.example.com" \1/|p' \
	  -e 's|^use it with: |kubectl works with: |p'
endif
endif

check: running ## describe the Canary and its events
ifneq ($(filter aks sandbox-yes,$(CLUSTER) $(CLUSTER)-$(GITOPS)),)
	@$(AVIARY) gitops status
	@echo
endif
	@$(DESCRIBE)

edit: running ## release the next podinfo
ifeq ($(CLUSTER),aks)
	@$(AVIARY) gitops bump --checkout
else ifeq ($(CLUSTER)-$(GITOPS),sandbox-yes)
	@$(AVIARY) gitops bump --state-dir $(STATE_DIR)
else
	@$(AVIARY) bump deployment/podinfo -n $(NAMESPACE)
endif

ifeq ($(CLUSTER),sandbox)
clean: ## stop the cluster and remove what infrastructure made; of a real cluster: after asking (YES=1 does not ask)
	@if [ -e $(STATE_DIR)/sandbox.json ] || [ -e $(STATE_DIR)/lock ]; then $(MAKE) --no-print-directory build && \
	  $(AVIARY) sandbox down --state-dir $(STATE_DIR); else echo "no sandbox is running"; fi
	@rm -rf $(STATE_DIR)/kubectl-cache $(STATE_DIR)/repositories/aviary $(STATE_DIR)/flux
	@rmdir $(STATE_DIR)/repositories 2>/dev/null || true
	@rm -f $(STATE_DIR)/sandbox.log $(STATE_DIR)/kubeconfig
	@if [ -L $(STATE_DIR) ] || [ ! -d $(STATE_DIR) ]; then :; \
	  else rmdir $(STATE_DIR) 2>/dev/null || echo "$(STATE_DIR) holds other files and stays"; fi
else ifeq ($(CLUSTER),aks)
clean: build
	@YES=$(YES) bash scripts/aks.sh clean
else
clean: build
	@$(AVIARY) delete --created examples/podinfo $(if $(YES),--yes)
	@$(AVIARY) delete --created deploy $(if $(YES),--yes)
endif

# What the others need, said plainly when it is not there.
running: build
ifeq ($(CLUSTER),sandbox)
	@$(AVIARY) sandbox status --state-dir $(STATE_DIR) >/dev/null || \
	  { echo "the sandbox is not running: make infrastructure first"; exit 1; }
endif

build: colon dist/src/main.js ## compile

# npm puts the folder into $PATH, whose parts a colon separates.
colon:
	@case "$$PWD" in *:*) echo "npm cannot work in a folder with a colon in its path: rename or move $$PWD" >&2; exit 1;; esac

bench: build ## run the benchmarks
	@npm run --silent bench

dist/src/main.js: node_modules/.package-lock.json $(SOURCES)
	@npm run --silent build

node_modules/.package-lock.json: package.json package-lock.json
	@npm ci --include=dev --no-audit --no-fund --loglevel=error
	@touch $@
