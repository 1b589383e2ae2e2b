# The walk-through's infrastructure: a resource group, an AKS cluster, the Flux extension and what Flux deploys from Git.
# `terraform destroy` removes all of it, because everything lies in this one resource group.

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.name}"
  location = var.location
  tags     = var.tags
}

resource "azurerm_kubernetes_cluster" "this" {
  name                = var.name
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  dns_prefix          = var.name
  kubernetes_version  = var.kubernetes_version
  tags                = var.tags

  # Workload identity: pods get short-lived tokens of Azure, so that no credential lies in the cluster.
  oidc_issuer_enabled       = true
  workload_identity_enabled = true

  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"

  default_node_pool {
    name                 = "system"
    vm_size              = var.node_size
    node_count           = var.node_count
    os_disk_size_gb      = 64
    auto_scaling_enabled = false

    upgrade_settings {
      max_surge                     = "10%"
      drain_timeout_in_minutes      = 0
      node_soak_duration_in_minutes = 0
    }
  }

  # Nodes are those of the pool: AKS makes none by itself.
  node_provisioning_profile {
    mode = "Manual"
  }

  identity {
    type = "SystemAssigned"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    load_balancer_sku   = "standard"
  }

  dynamic "service_mesh_profile" {
    for_each = var.istio == "addon" ? [true] : []
    content {
      mode                             = "Istio"
      revisions                        = [var.istio_revision]
      external_ingress_gateway_enabled = true
      internal_ingress_gateway_enabled = false
    }
  }

  dynamic "monitor_metrics" {
    for_each = var.managed_prometheus ? [true] : []
    content {}
  }
}

resource "azurerm_kubernetes_cluster_extension" "flux" {
  name              = "flux"
  cluster_id        = azurerm_kubernetes_cluster.this.id
  extension_type    = "microsoft.flux"
  release_namespace = "flux-system"

  configuration_settings = {
    "image-automation-controller.enabled" = "false"
    "image-reflector-controller.enabled"  = "false"
    # The podinfo application lives in another namespace than the Kustomization that deploys it.
    "multiTenancy.enforce" = "false"
  }
}

resource "azurerm_kubernetes_flux_configuration" "aviary" {
  name                              = "aviary"
  cluster_id                        = azurerm_kubernetes_cluster.this.id
  namespace                         = "flux-system"
  scope                             = "cluster"
  continuous_reconciliation_enabled = true

  git_repository {
    url                      = var.git_url
    reference_type           = "branch"
    reference_value          = var.git_branch
    sync_interval_in_seconds = var.sync_interval_seconds
    https_user               = var.git_https_user
    https_key_base64         = var.git_https_key
  }

  # One Kustomization is the root. The folder holds Flux's own Kustomizations, which carry dependsOn, wait and health checks:
  # the same files serve a cluster that `flux bootstrap` made.
  kustomizations {
    name                       = "cluster"
    path                       = var.istio == "addon" ? "./clusters/aks-addon" : "./clusters/aks"
    sync_interval_in_seconds   = var.sync_interval_seconds
    retry_interval_in_seconds  = 60
    garbage_collection_enabled = true
    wait                       = true
  }

  depends_on = [azurerm_kubernetes_cluster_extension.flux]
}
