variable "name" {
  description = "Prefix of all names, and a tag."
  type        = string
  default     = "trainingrun"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name must have 3 to 32 lower-case letters, digits or dashes, and begin with a letter."
  }
}

variable "subscription" {
  description = "Id of the subscription that all this is made in."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.subscription))
    error_message = "Give the subscription's id (az account show --query id prints it), not its name."
  }
}

variable "location" {
  description = "Location of Azure, for example westeurope."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[0-9]?$", var.location))
    error_message = "This is no location of Azure: give one such as westeurope (az account list-locations)."
  }
}

variable "zones" {
  description = "Zones of the spot nodes."
  type        = list(string)
  default     = ["1", "2", "3"]
}

variable "registry" {
  description = "Name of the container registry that is made; unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9]{5,50}$", var.registry))
    error_message = "A registry's name has 5 to 50 letters and digits, and nothing else."
  }
}

variable "cidr" {
  description = "Addresses of the network, a /16."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "Give a /16 such as 10.42.0.0/16: the subnet is cut from it."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes."
  type        = string
  default     = "1.33"

  validation {
    condition     = can(regex("^1\\.(2[89]|[3-9][0-9])$", var.kubernetes_version))
    error_message = "Give a version such as 1.33; 1.28 is the oldest that the operator is for."
  }
}

variable "api_cidrs" {
  description = "Addresses that may reach the API server. It has a public address, behind the sign-in of Azure."
  type        = list(string)

  validation {
    condition     = length(var.api_cidrs) > 0 && alltrue([for each in var.api_cidrs : can(cidrhost(each, 0)) && each != "0.0.0.0/0"])
    error_message = "Give ranges such as 203.0.113.7/32; the whole internet (0.0.0.0/0) is not allowed."
  }
}

variable "admin_groups" {
  description = "Object ids of the groups whose members administer the cluster."
  type        = list(string)

  validation {
    condition     = length(var.admin_groups) > 0
    error_message = "Give a group (az ad group show --group NAME --query id): without one nobody could sign in."
  }
}

variable "system_vm_size" {
  description = "Size of the nodes for operator, Redis and evaluators."
  type        = string
  default     = "Standard_D2s_v5"
}

variable "learner_vm_size" {
  description = "Size of the nodes with a GPU."
  type        = string
  default     = "Standard_NC4as_T4_v3"

  validation {
    condition     = can(regex("^Standard_N", var.learner_vm_size))
    error_message = "The learner's nodes need a GPU: give a size of the N series, such as Standard_NC4as_T4_v3."
  }
}

variable "daemon_vm_size" {
  description = "Size of the spot nodes."
  type        = string
  default     = "Standard_D8s_v5"
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

variable "tags" {
  description = "Further tags of everything."
  type        = map(string)
  default     = {}
}
