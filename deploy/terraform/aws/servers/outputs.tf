output "daemon_endpoints" {
  description = "All daemons, as `trainingrun local --daemons` takes them."
  value       = join(",", module.servers.daemon_endpoints)
}

output "daemon_endpoint_list" {
  description = "The same for spec.daemon.external.endpoints."
  value       = module.servers.daemon_endpoints
}

output "bucket" {
  description = "The bucket."
  value       = module.storage.bucket
}

output "storage" {
  description = "Bucket and prefix for spec.checkpoint.storage.s3, with the run's name behind it."
  value       = module.storage.uri
}

output "learner" {
  description = "The command that opens a shell on the run's machine; null when there is none."
  value       = module.servers.learner_id == null ? null : "aws ssm start-session --region ${var.region} --target ${module.servers.learner_id}"
}

output "launch_template_id" {
  description = "Launch template of a daemon server, for deploy/aws/spot_fleet.json."
  value       = module.servers.launch_template_id
}

output "subnet_ids" {
  description = "Private subnets, for deploy/aws/spot_fleet.json."
  value       = module.network.private_subnets[*].id
}
