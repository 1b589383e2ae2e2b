# Azure Monitor's managed Prometheus, when asked for. The operator queries it with a workload identity.

resource "azurerm_monitor_workspace" "this" {
  count               = var.managed_prometheus ? 1 : 0
  name                = "amw-${var.name}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.tags
}

resource "azurerm_monitor_data_collection_endpoint" "this" {
  count               = var.managed_prometheus ? 1 : 0
  name                = "dce-${var.name}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  kind                = "Linux"
  tags                = var.tags
}

resource "azurerm_monitor_data_collection_rule" "this" {
  count                       = var.managed_prometheus ? 1 : 0
  name                        = "dcr-${var.name}"
  location                    = azurerm_resource_group.this.location
  resource_group_name         = azurerm_resource_group.this.name
  data_collection_endpoint_id = azurerm_monitor_data_collection_endpoint.this[0].id
  kind                        = "Linux"
  tags                        = var.tags

  destinations {
    monitor_account {
      monitor_account_id = azurerm_monitor_workspace.this[0].id
      name               = "prometheus"
    }
  }

  data_flow {
    streams      = ["Microsoft-PrometheusMetrics"]
    destinations = ["prometheus"]
  }

  data_sources {
    prometheus_forwarder {
      streams = ["Microsoft-PrometheusMetrics"]
      name    = "prometheus"
    }
  }
}

resource "azurerm_monitor_data_collection_rule_association" "this" {
  count                   = var.managed_prometheus ? 1 : 0
  name                    = "dcra-${var.name}"
  target_resource_id      = azurerm_kubernetes_cluster.this.id
  data_collection_rule_id = azurerm_monitor_data_collection_rule.this[0].id
}

resource "azurerm_user_assigned_identity" "operator" {
  count               = var.managed_prometheus ? 1 : 0
  name                = "id-${var.name}-operator"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.tags
}

resource "azurerm_federated_identity_credential" "operator" {
  count                     = var.managed_prometheus ? 1 : 0
  name                      = "operator"
  user_assigned_identity_id = azurerm_user_assigned_identity.operator[0].id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:istio-system:flagger"
}

resource "azurerm_role_assignment" "operator_reads_metrics" {
  count                = var.managed_prometheus ? 1 : 0
  scope                = azurerm_monitor_workspace.this[0].id
  role_definition_name = "Monitoring Data Reader"
  principal_id         = azurerm_user_assigned_identity.operator[0].principal_id
}
