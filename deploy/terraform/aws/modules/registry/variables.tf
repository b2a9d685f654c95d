variable "name" {
  description = "Prefix of the repositories: NAME-daemon, NAME-actor, NAME-trainer, NAME-operator."
  type        = string
}

variable "keep" {
  description = "Images that each repository keeps."
  type        = number
  default     = 20
}

variable "force_destroy" {
  description = "Whether `terraform destroy` removes repositories that hold images."
  type        = bool
  default     = false
}
