output "url" {
  description = "For spec.redis.urlSecretRef: the address with its password."
  value       = "rediss://:${random_password.this.result}@${aws_elasticache_replication_group.this.primary_endpoint_address}:6379/0"
  sensitive   = true
}
