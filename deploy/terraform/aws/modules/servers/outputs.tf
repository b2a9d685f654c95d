output "daemon_endpoints" {
  description = "Endpoints of all daemons."
  value       = local.endpoints
}

output "learner_id" {
  description = "Instance of the run; null when it is elsewhere."
  value       = one(aws_instance.learner[*].id)
}

output "launch_template_id" {
  description = "Launch template of a daemon server, for spot_fleet.json."
  value       = aws_launch_template.daemon.id
}
