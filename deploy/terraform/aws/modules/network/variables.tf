variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC, a /16."
  type        = string
}

variable "zones" {
  description = "Number of availability zones."
  type        = number
}

variable "nat_per_zone" {
  description = "Whether each zone has a NAT gateway of its own: dearer, and a lost zone takes no other with it."
  type        = bool
  default     = false
}
