output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Its addresses."
  value       = aws_vpc.this.cidr_block
}

output "private_subnets" {
  description = "Private subnets, one for each zone: id and addresses."
  value       = [for each in aws_subnet.private : { id = each.id, cidr = each.cidr_block }]
}

output "public_subnet_ids" {
  description = "Public subnets, one for each zone."
  value       = aws_subnet.public[*].id
}
