variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in two zones at least."
  type        = list(string)
}

variable "player_cidrs" {
  description = "Networks that players connect from; 0.0.0.0/0: anywhere."
  type        = list(string)
}

variable "instance_class" {
  description = "Size of the PostgreSQL."
  type        = string
  default     = "db.t4g.small"
}

variable "storage_gb" {
  description = "Its first disk; it grows to ten times that by itself."
  type        = number
  default     = 20
}

variable "multi_az" {
  description = "Whether a second one in another zone takes over."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether destroying takes the database with it, without a last snapshot."
  type        = bool
  default     = false
}
