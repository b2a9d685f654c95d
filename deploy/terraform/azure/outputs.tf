output "kubeconfig" {
  description = "The command that lets kubectl reach the cluster."
  value       = "az aks get-credentials --resource-group ${azurerm_resource_group.this.name} --name ${azurerm_kubernetes_cluster.this.name} && kubelogin convert-kubeconfig -l azurecli"
}

output "registry" {
  description = "Registry in front of the images: REGISTRY of make images, images.registry of the chart."
  value       = azurerm_container_registry.this.login_server
}
