variable "subscription_id" {
  description = "The Azure subscription that pays. Null: the subscription of ARM_SUBSCRIPTION_ID."
  type        = string
  default     = null

  validation {
    condition     = var.subscription_id == null || can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.subscription_id))
    error_message = "subscription_id must be a UUID. `az account show --query id` prints it."
  }
}

variable "name" {
  description = "The name of the cluster. The resource group is called rg-NAME."
  type        = string
  default     = "aviary"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", var.name))
    error_message = "name must have 2 to 40 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "location" {
  description = "The Azure region, for example westeurope. `az account list-locations -o table` lists the regions."
  type        = string
  default     = "westeurope"

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "location must be a region's short name, for example westeurope and not \"West Europe\"."
  }
}

variable "kubernetes_version" {
  description = "The version of Kubernetes. Null: the default of AKS."
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_version == null || can(regex("^1\\.(2[7-9]|[3-9][0-9])(\\.[0-9]+)?$", var.kubernetes_version))
    error_message = "kubernetes_version must be 1.27 or later, for example \"1.34\"."
  }
}

variable "node_count" {
  description = "The number of nodes. Two nodes of the default size carry the walk-through."
  type        = number
  default     = 2

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 10 && floor(var.node_count) == var.node_count
    error_message = "node_count must be a whole number from 1 to 10."
  }
}

variable "node_size" {
  description = "The size of a node's virtual machine."
  type        = string
  default     = "Standard_D2s_v5"

  validation {
    condition     = can(regex("^Standard_", var.node_size))
    error_message = "node_size must be a virtual machine size, for example Standard_D2s_v5. `az vm list-sizes -l LOCATION -o table` lists the sizes."
  }
}

variable "git_url" {
  description = "The Git repository that Flux deploys from: your fork, by HTTPS or SSH."
  type        = string

  validation {
    condition     = can(regex("^(https://|ssh://).+", var.git_url))
    error_message = "git_url must begin with https:// or ssh://. Flux does not know the form git@host:path."
  }

  validation {
    condition     = !can(regex("^https://[^/]*:[^/]*@", var.git_url))
    error_message = "git_url must not hold a password: the state of Terraform would store the password. Use git_https_user and git_https_key."
  }
}

variable "git_branch" {
  description = "The branch that Flux deploys from."
  type        = string
  default     = "main"

  validation {
    condition     = length(var.git_branch) > 0
    error_message = "git_branch must not be empty."
  }
}

variable "git_https_user" {
  description = "The user for a private repository by HTTPS. Null: the repository is public."
  type        = string
  default     = null
}

variable "git_https_key" {
  description = "The access token for a private repository by HTTPS, in base64. Set it as TF_VAR_git_https_key, never in a file."
  type        = string
  default     = null
  sensitive   = true
}

variable "sync_interval_seconds" {
  description = "How often Flux looks for a new commit."
  type        = number
  default     = 60

  validation {
    condition     = var.sync_interval_seconds >= 30 && var.sync_interval_seconds <= 3600
    error_message = "sync_interval_seconds must be from 30 to 3600."
  }
}

variable "istio" {
  description = "Who installs Istio: \"helm\" (Flux's HelmReleases of this repository) or \"addon\" (the AKS Istio add-on)."
  type        = string
  default     = "helm"

  validation {
    condition     = contains(["helm", "addon"], var.istio)
    error_message = "istio must be \"helm\" or \"addon\"."
  }
}

variable "istio_revision" {
  description = "The revision of the AKS Istio add-on. `az aks mesh get-revisions -l LOCATION` lists the revisions."
  type        = string
  default     = "asm-1-27"

  validation {
    condition     = can(regex("^asm-1-[0-9]+$", var.istio_revision))
    error_message = "istio_revision must look like asm-1-27."
  }
}

variable "managed_prometheus" {
  description = "True: Azure Monitor scrapes the cluster, and output prometheus_query_endpoint is the address for the operator."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = { project = "aviary" }
}
