#!/usr/bin/env bash
# The walk-through on Azure: `make infrastructure TARGET=aks` and `make clean TARGET=aks`.
# It names what is missing before it creates anything, shows Terraform's plan, asks once, and writes the kubeconfig to a file
# of its own. YES=1 does not ask. Variables of infrastructure/aks come from terraform.tfvars or from TF_VAR_… .
set -euo pipefail
cd "$(dirname "$0")/.."
infrastructure=infrastructure/aks
kubeconfig=.aviary/aks.kubeconfig

fail() { printf '%s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Says everything that is missing at once, each with its cure.
preflight() {
  local missing=0
  say() { printf 'missing: %s\n' "$*" >&2; missing=1; }
  has az || say "az, the Azure command line (https://aka.ms/azure-cli)"
  has terraform || say "terraform 1.7 or later (https://developer.hashicorp.com/terraform/install)"
  if has az; then
    if ! az account show --output none 2>/dev/null; then
      say "a login: run \`az login\` (an expired login counts as none)"
    elif [ -n "${TF_VAR_subscription_id:-}" ] && ! az account show --subscription "$TF_VAR_subscription_id" --output none 2>/dev/null; then
      say "the subscription $TF_VAR_subscription_id: \`az account list -o table\` shows those of your login"
    fi
  fi
  [ "$missing" = 0 ] || fail "nothing was created"
}

# Flux deploys what is pushed. So the branch must have a remote and hold what is on disk.
repository() {
  has git || fail "missing: git. Nothing was created"
  git rev-parse --is-inside-work-tree >/dev/null 2>&1 || fail "this folder is no Git repository: clone your fork. Nothing was created"
  [ -n "$(git remote)" ] || fail "the repository has no remote: \`git remote add origin URL\`. Nothing was created"
  if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    fail "the working tree has changes that are not committed, which Flux would not see: commit and push them. Nothing was created"
  fi
}

default_git_url() {
  local url
  url=$(git remote get-url origin 2>/dev/null || git remote get-url "$(git remote | head -n 1)")
  # Flux does not know the form git@host:path.
  case "$url" in
    git@*:*) url=${url#git@}; printf 'https://%s/%s\n' "${url%%:*}" "${url#*:}" ;;
    *) printf '%s\n' "$url" ;;
  esac
}

# Quota is looked at before the plan: Azure says so only after minutes otherwise.
quota() {
  local location=${TF_VAR_location:-westeurope} used
  used=$(az vm list-usage --location "$location" --query "[?name.value=='cores'].{c:currentValue,l:limit}[0]" --output tsv 2>/dev/null) ||
    fail "the region $location is not known, or may not be asked: \`az account list-locations -o table\`. Nothing was created"
  # shellcheck disable=SC2086 # two words are wanted
  set -- $used
  if [ "$#" = 2 ] && [ $(($2 - $1)) -lt $((2 * ${TF_VAR_node_count:-2})) ]; then
    fail "the quota of $location leaves $(($2 - $1)) cores, the nodes need $((2 * ${TF_VAR_node_count:-2})): choose another region (TF_VAR_location) or ask for more. Nothing was created"
  fi
}

# A resource group of that name that this checkout did not make belongs to other work, and `clean` would remove it with all in it.
clash() {
  local group=rg-${TF_VAR_name:-aviary}
  [ "$(az group exists --name "$group" --output tsv 2>/dev/null)" = true ] || return 0
  tf state list 2>/dev/null | grep -q '^azurerm_resource_group\.this$' && return 0
  fail "the resource group $group exists already, and is not of this checkout: choose another name (TF_VAR_name). Nothing was created"
}

ask() {
  [ "${YES:-}" = 1 ] && return
  [ -t 0 ] || fail "$1 Call it again with YES=1, as this is no terminal. Nothing was changed"
  printf '%s [y/N] ' "$1"
  local answer
  read -r answer
  case "$answer" in y | Y | yes) ;; *) fail "nothing was changed" ;; esac
}

tf() { terraform -chdir="$infrastructure" "$@"; }

case "${1:-}" in
  infrastructure)
    preflight
    repository
    [ -n "${TF_VAR_git_url:-}" ] || [ -e "$infrastructure/terraform.tfvars" ] || TF_VAR_git_url=$(default_git_url)
    [ -n "${TF_VAR_git_branch:-}" ] || TF_VAR_git_branch=$(git branch --show-current)
    TF_VAR_subscription_id=${TF_VAR_subscription_id:-$(az account show --query id --output tsv)}
    export TF_VAR_git_url TF_VAR_git_branch TF_VAR_subscription_id
    [ -n "$TF_VAR_git_branch" ] || fail "no branch is checked out: \`git switch main\`. Nothing was created"
    quota
    tf init -input=false -upgrade=false >/dev/null || fail "terraform init failed, see above. Nothing was created"
    clash
    plan=$(mktemp)
    trap 'rm -f "$plan"' EXIT
    tf plan -input=false -out="$plan" || fail "terraform cannot plan, see above. Nothing was created"
    ask "Create this in subscription $TF_VAR_subscription_id? It costs money until \`make clean TARGET=aks\`."
    tf apply -input=false "$plan" || fail "it was created in part. \`make infrastructure TARGET=aks\` goes on, \`make clean TARGET=aks\` removes it"
    mkdir -p .aviary
    az aks get-credentials --resource-group "$(tf output -raw resource_group)" --name "$(tf output -raw cluster)" --file "$kubeconfig" --overwrite-existing
    chmod 600 "$kubeconfig"
    echo "kubectl works with: export KUBECONFIG=$kubeconfig"
    echo "Flux deploys now, which takes some minutes: make check TARGET=aks"
    ;;
  clean)
    [ -e "$infrastructure/terraform.tfstate" ] || [ -d "$infrastructure/.terraform" ] || { echo "there is no infrastructure of this checkout on Azure"; exit 0; }
    preflight
    if ! tf state list 2>/dev/null | grep -q .; then
      rm -f "$kubeconfig"
      echo "there is no infrastructure of this checkout on Azure"
      exit 0
    fi
    ask "Remove the resource group $(tf output -raw resource_group 2>/dev/null || echo 'of this checkout') and everything in it?"
    # The variables do not matter for removal, but Terraform wants those without a default.
    TF_VAR_git_url=${TF_VAR_git_url:-https://example.com/none} TF_VAR_subscription_id=${TF_VAR_subscription_id:-$(az account show --query id --output tsv)}
    export TF_VAR_git_url TF_VAR_subscription_id
    tf destroy -input=false -auto-approve || fail "some of it is left, see above: call it again"
    rm -f "$kubeconfig"
    ;;
  *)
    echo "usage: scripts/aks.sh infrastructure|clean" >&2
    exit 2
    ;;
esac
