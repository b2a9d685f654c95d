variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket; none: one is made up from the name."
  type        = string
  default     = null
}

variable "prefix" {
  description = "Folder of the bucket that runs write to, without slashes at its ends."
  type        = string
  default     = "runs"
}

variable "learners" {
  description = "The folder of the bucket that each learner may read and write, without slashes at its ends, by the learner's name."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key to encrypt with; none: keys that S3 manages."
  type        = string
  default     = null
}

variable "old_versions_days" {
  description = "Days after which versions that were overwritten or removed are gone."
  type        = number
  default     = 7
}

variable "force_destroy" {
  description = "Whether `terraform destroy` removes the bucket with all checkpoints in it."
  type        = bool
  default     = false
}
