output "resource_group" {
  description = "The resource group that holds everything. Deleting it removes everything."
  value       = azurerm_resource_group.this.name
}

output "cluster" {
  description = "The name of the cluster."
  value       = azurerm_kubernetes_cluster.this.name
}

output "kubeconfig_command" {
  description = "Writes the kubeconfig to a file of its own. It does not touch ~/.kube/config."
  value       = "az aks get-credentials --resource-group ${azurerm_resource_group.this.name} --name ${azurerm_kubernetes_cluster.this.name} --file .aviary/aks.kubeconfig"
}

output "oidc_issuer_url" {
  description = "The issuer of the cluster's ServiceAccount tokens, for workload identities."
  value       = azurerm_kubernetes_cluster.this.oidc_issuer_url
}

output "prometheus_query_endpoint" {
  description = "The address of the managed Prometheus. Null without managed_prometheus."
  value       = var.managed_prometheus ? azurerm_monitor_workspace.this[0].query_endpoint : null
}

output "operator_client_id" {
  description = "The client of the operator's workload identity, for its ServiceAccount's annotation. Null without managed_prometheus."
  value       = var.managed_prometheus ? azurerm_user_assigned_identity.operator[0].client_id : null
}
