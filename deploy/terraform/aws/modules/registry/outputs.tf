output "repositories" {
  description = "Address of each repository, by image."
  value       = { for image, each in aws_ecr_repository.this : image => each.repository_url }
}

output "registry" {
  description = "Registry and path in front of the images: REGISTRY of make images, images.registry of the chart."
  value       = trimsuffix(aws_ecr_repository.this["daemon"].repository_url, "/trainingrun-daemon")
}

output "arns" {
  description = "ARNs of the repositories."
  value       = [for each in aws_ecr_repository.this : each.arn]
}
