output "kubeconfig" {
  description = "The command that lets kubectl reach the cluster."
  value       = "gcloud container clusters get-credentials ${google_container_cluster.this.name} --region ${var.region} --project ${var.project}"
}

output "registry" {
  description = "Registry and path in front of the images: REGISTRY of make images, images.registry of the chart."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.repository_id}"
}

output "storage" {
  description = "Bucket and prefix for spec.checkpoint.storage.s3, with the run's name behind it."
  value       = "s3://${google_storage_bucket.this.name}/runs"
}

output "endpoint_url" {
  description = "For spec.checkpoint.storage.s3.endpointUrl: the bucket's S3 interface."
  value       = "https://storage.googleapis.com"
}

output "access_key" {
  description = "AWS_ACCESS_KEY_ID of the Secret that spec.checkpoint.storage.s3.secretRef names."
  value       = google_storage_hmac_key.learner.access_id
}

output "secret_key" {
  description = "AWS_SECRET_ACCESS_KEY of that Secret."
  value       = google_storage_hmac_key.learner.secret
  sensitive   = true
}
