# AKS with the same three kinds of nodes as on AWS: `system`, `learner` (GPU), `daemons` (spot). There
# is no bucket: the learner speaks S3, which Azure's storage does not. Checkpoints are in a claim on a
# disk that outlives its pod.

provider "azurerm" {
  subscription_id = var.subscription

  features {
    resource_group {
      prevent_deletion_if_contains_resources = true
    }
  }
}

locals {
  tags = merge(var.tags, { trainingrun = var.name })
}

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
  tags     = local.tags
}

resource "azurerm_virtual_network" "this" {
  name                = var.name
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  address_space       = [var.cidr]
  tags                = local.tags
}

resource "azurerm_subnet" "nodes" {
  name                 = "nodes"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [cidrsubnet(var.cidr, 4, 0)]
}

resource "azurerm_container_registry" "this" {
  name                = var.registry
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  sku                 = "Standard"
  admin_enabled       = false
  tags                = local.tags
}

resource "azurerm_role_assignment" "pull" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPull"
  # The identity is Azure's to tell, once the cluster is there.
  principal_id = try(azurerm_kubernetes_cluster.this.kubelet_identity[0].object_id, "")
}

resource "azurerm_kubernetes_cluster" "this" {
  name                      = var.name
  location                  = azurerm_resource_group.this.location
  resource_group_name       = azurerm_resource_group.this.name
  dns_prefix                = var.name
  kubernetes_version        = var.kubernetes_version
  automatic_upgrade_channel = "patch"
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  # Kubernetes' own accounts only by way of Azure: no password of the cluster lies around.
  local_account_disabled = true
  tags                   = local.tags

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled     = true
    admin_group_object_ids = var.admin_groups
  }

  default_node_pool {
    name                         = "system"
    vm_size                      = var.system_vm_size
    vnet_subnet_id               = azurerm_subnet.nodes.id
    auto_scaling_enabled         = true
    min_count                    = 1
    max_count                    = 3
    only_critical_addons_enabled = false
    node_labels                  = { "trainingrun.dev/nodes" = "system" }

    upgrade_settings {
      max_surge = "10%"
    }
  }

  identity {
    type = "SystemAssigned"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_policy      = "cilium"
    network_data_plane  = "cilium"
  }

  api_server_access_profile {
    authorized_ip_ranges = var.api_cidrs
  }
}

resource "azurerm_kubernetes_cluster_node_pool" "learner" {
  name                  = "learner"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.this.id
  vm_size               = var.learner_vm_size
  vnet_subnet_id        = azurerm_subnet.nodes.id
  auto_scaling_enabled  = true
  min_count             = 0
  max_count             = var.max_learners
  node_labels           = { "trainingrun.dev/nodes" = "learner" }
  node_taints           = ["nvidia.com/gpu=true:NoSchedule"]
  tags                  = local.tags
}

# AKS gives spot nodes the label and the taint kubernetes.azure.com/scalesetpriority=spot; both are
# named here because it asks for them.
resource "azurerm_kubernetes_cluster_node_pool" "daemons" {
  name                  = "daemons"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.this.id
  vm_size               = var.daemon_vm_size
  vnet_subnet_id        = azurerm_subnet.nodes.id
  zones                 = var.zones
  priority              = "Spot"
  eviction_policy       = "Delete"
  # Up to the on-demand price: a lower bid only means to be evicted more often.
  spot_max_price       = -1
  auto_scaling_enabled = true
  min_count            = 0
  max_count            = var.max_daemon_nodes
  node_labels          = { "kubernetes.azure.com/scalesetpriority" = "spot", "trainingrun.dev/nodes" = "daemons" }
  node_taints          = ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"]
  tags                 = local.tags
}
