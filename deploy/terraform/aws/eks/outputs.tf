output "cluster" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "kubeconfig" {
  description = "The command that lets kubectl reach it."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.cluster.name}"
}

output "bucket" {
  description = "The bucket."
  value       = module.storage.bucket
}

output "storage" {
  description = "Bucket and prefix of spec.checkpoint.storage.s3 of each run, by its NAMESPACE/NAME: the only folder that its learner reaches."
  value       = { for each in var.runs : each => "${module.storage.uri}/${each}" }
}

output "registry" {
  description = "Registry and path in front of the images: REGISTRY of make images, images.registry of the chart."
  value       = module.registry.registry
}

output "repositories" {
  description = "Address of each image's repository."
  value       = module.registry.repositories
}

output "redis_url" {
  description = "Address of the Redis outside the cluster, with its password; null when there is none."
  value       = one(module.cache[*].url)
  sensitive   = true
}

output "league_database_url" {
  description = "For spec.database.secretRef of a League: the address of its PostgreSQL with its password; null when there is none."
  value       = one(module.league[*].database_url)
  sensitive   = true
}

output "league_load_balancer_annotations" {
  description = "For spec.access.annotations of a League; null when there is none."
  value       = one(module.league[*].load_balancer_annotations)
}
