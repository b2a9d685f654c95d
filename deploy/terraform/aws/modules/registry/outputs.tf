output "repositories" {
  description = "Address of each repository, by image."
  value       = { for image, each in aws_ecr_repository.this : image => each.repository_url }
}

output "registry" {
  description = "Host of the registry, to sign in to."
  value       = split("/", aws_ecr_repository.this["daemon"].repository_url)[0]
}

output "arns" {
  description = "ARNs of the repositories."
  value       = [for each in aws_ecr_repository.this : each.arn]
}
