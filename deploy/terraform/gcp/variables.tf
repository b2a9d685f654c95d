variable "name" {
  description = "Prefix of all names, and a label."
  type        = string
  default     = "trainingrun"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "The name must have 3 to 20 lower-case letters, digits or dashes, and begin with a letter."
  }
}

variable "project" {
  description = "Project of Google Cloud that all this is made in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the project's id (gcloud projects list prints it), not its number or its name for people."
  }
}

variable "region" {
  description = "Region, for example europe-west4."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "This is no region of Google Cloud: give one such as europe-west4, without the letter of a zone."
  }
}

variable "zones" {
  description = "Zones of the region that have the GPU, for example [\"europe-west4-a\", \"europe-west4-b\"]."
  type        = list(string)

  validation {
    condition     = length(var.zones) > 0 && alltrue([for each in var.zones : can(regex("^[a-z]+-[a-z]+[0-9]+-[a-z]$", each))])
    error_message = "Give zones such as europe-west4-a (gcloud compute accelerator-types list shows which have the GPU)."
  }
}

variable "bucket" {
  description = "Name of the bucket that is made; bucket names are unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots, dashes and underscores."
  }
}

variable "cidr" {
  description = "Addresses of nodes, pods and services, a /16."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "Give a /16 such as 10.42.0.0/16: the ranges are cut from it."
  }
}

variable "api_cidrs" {
  description = "Addresses that may reach the API server from outside; none: only from the network."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.api_cidrs : can(cidrhost(each, 0)) && each != "0.0.0.0/0"])
    error_message = "Give ranges such as 203.0.113.7/32; the whole internet (0.0.0.0/0) is not allowed."
  }
}

variable "system_machine_type" {
  description = "Type of the nodes for operator, Redis and evaluators."
  type        = string
  default     = "n2-standard-2"
}

variable "learner_machine_type" {
  description = "Type of the nodes with a GPU."
  type        = string
  default     = "n1-standard-4"
}

variable "learner_gpu" {
  description = "The GPU, one for each node."
  type        = string
  default     = "nvidia-tesla-t4"
}

variable "daemon_machine_type" {
  description = "Type of the spot nodes."
  type        = string
  default     = "n2-standard-8"
}

variable "max_learners" {
  description = "Most nodes with a GPU."
  type        = number
  default     = 1

  validation {
    condition     = var.max_learners >= 1 && var.max_learners <= 100
    error_message = "Take 1 to 100 nodes with a GPU."
  }
}

variable "max_daemon_nodes" {
  description = "Most spot nodes."
  type        = number
  default     = 10

  validation {
    condition     = var.max_daemon_nodes >= 1 && var.max_daemon_nodes <= 1000
    error_message = "Take 1 to 1000 spot nodes."
  }
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` refuses to remove the cluster."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether `terraform destroy` removes the bucket with all checkpoints in it."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Further labels of everything."
  type        = map(string)
  default     = {}
}
