variable "name" {
  description = "Prefix of the repositories: NAME/trainingrun-daemon and so on."
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
