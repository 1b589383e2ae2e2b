# Plans with a mocked provider: no cloud, no login, no cost.
mock_provider "azurerm" {}

variables {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  git_url         = "https://github.com/example/aviary"
}

run "defaults" {
  command = plan

  assert {
    condition     = azurerm_resource_group.this.name == "rg-aviary"
    error_message = "the resource group is rg-NAME"
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.oidc_issuer_enabled && azurerm_kubernetes_cluster.this.workload_identity_enabled
    error_message = "workload identity is on"
  }
  assert {
    condition     = length(azurerm_kubernetes_cluster.this.service_mesh_profile) == 0
    error_message = "Istio comes from Helm unless the add-on is asked for"
  }
  assert {
    condition     = one(azurerm_kubernetes_flux_configuration.aviary.kustomizations).path == "./clusters/aks"
    error_message = "Flux deploys the folder for AKS"
  }
  assert {
    condition     = length(azurerm_monitor_workspace.this) == 0
    error_message = "managed Prometheus costs money and is off"
  }
}

run "istio_addon" {
  command = plan
  variables { istio = "addon" }

  assert {
    condition     = azurerm_kubernetes_cluster.this.service_mesh_profile[0].mode == "Istio"
    error_message = "the add-on is enabled"
  }
  assert {
    condition     = one(azurerm_kubernetes_flux_configuration.aviary.kustomizations).path == "./clusters/aks-addon"
    error_message = "Flux does not install a second Istio"
  }
}

run "managed_prometheus" {
  command = plan
  variables { managed_prometheus = true }

  assert {
    condition     = length(azurerm_monitor_workspace.this) == 1 && length(azurerm_role_assignment.operator_reads_metrics) == 1
    error_message = "the workspace exists and the operator may read it"
  }
}

run "password_in_git_url" {
  command = plan
  variables { git_url = "https://user:token@github.com/example/aviary" }
  expect_failures = [var.git_url]
}

run "scp_form_of_git_url" {
  command = plan
  variables { git_url = "git@github.com:example/aviary" }
  expect_failures = [var.git_url]
}

run "long_region_name" {
  command = plan
  variables { location = "West Europe" }
  expect_failures = [var.location]
}

run "name_that_azure_refuses" {
  command = plan
  variables { name = "Aviary_1" }
  expect_failures = [var.name]
}
