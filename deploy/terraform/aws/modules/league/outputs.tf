output "database_url" {
  description = "For spec.database.secretRef of a League: the address with its password."
  value       = "postgresql+asyncpg://league:${random_password.this.result}@${aws_db_instance.this.endpoint}/league?ssl=require"
  sensitive   = true
}

output "security_groups" {
  description = "Ids of the tiers' security groups: public (of load balancers), private (of service nodes), isolated (of nodes that train and play)."
  value       = { for tier in ["public", "private", "isolated"] : tier => aws_security_group.tier[tier].id }
}

output "load_balancer_annotations" {
  description = "For spec.access.annotations of a League: load balancers with the public tier's security group."
  value = {
    "service.beta.kubernetes.io/aws-load-balancer-type"            = "external"
    "service.beta.kubernetes.io/aws-load-balancer-scheme"          = "internet-facing"
    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type" = "ip"
    "service.beta.kubernetes.io/aws-load-balancer-security-groups" = aws_security_group.tier["public"].id
  }
}
