variable "name" {
  description = "Name of the Redis, at most 40 letters."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "vpc_cidr" {
  description = "Addresses that may connect: those of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in two zones at least."
  type        = list(string)
}

variable "node_type" {
  description = "Size of each of the two nodes."
  type        = string
  default     = "cache.r7g.large"
}
