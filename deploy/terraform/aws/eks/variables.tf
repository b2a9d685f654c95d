variable "name" {
  description = "Prefix of all names, and a tag."
  type        = string
  default     = "trainingrun"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "The name must have 2 to 21 lower-case letters, digits or dashes, and begin with a letter."
  }
}

variable "region" {
  description = "Region of AWS, for example eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "This is no region of AWS: give one such as eu-central-1 (aws ec2 describe-regions lists them)."
  }
}

variable "account_id" {
  description = "Account that all this is made in; none: whichever the credentials belong to. With it, the wrong credentials are refused before anything is made."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account has twelve digits (aws sts get-caller-identity prints it)."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, a /16 that no network it is joined to uses."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "Give a /16 such as 10.42.0.0/16: the subnets are cut from it."
  }
}

variable "zones" {
  description = "Availability zones: the more, the more spot capacity to choose from."
  type        = number
  default     = 3

  validation {
    condition     = var.zones >= 2 && var.zones <= 6 && floor(var.zones) == var.zones
    error_message = "Take 2 to 6 availability zones."
  }
}

variable "nat_per_zone" {
  description = "Whether each zone has a NAT gateway of its own: dearer, and a lost zone takes no other with it."
  type        = bool
  default     = false
}

variable "bucket" {
  description = "Name of the bucket that is made; none: one is made up."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and dashes."
  }
}

variable "prefix" {
  description = "Folder of the bucket that runs write to."
  type        = string
  default     = "runs"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.prefix))
    error_message = "Give a folder without slashes at its ends, such as runs."
  }
}

variable "kms_key_arn" {
  description = "Key to encrypt the bucket with; none: keys that S3 manages."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "Give the ARN of a key (arn:aws:kms:…), or leave it out."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` also removes what is not empty: the bucket with all checkpoints, repositories with images."
  type        = bool
  default     = false
}

variable "budget_usd" {
  description = "Dollars a month after which AWS writes to budget_email, at 80 % and at 100 %; 0: no budget is made."
  type        = number
  default     = 0

  validation {
    condition     = var.budget_usd >= 0
    error_message = "A budget cannot be negative; 0 makes none."
  }
}

variable "budget_email" {
  description = "Whom the budget writes to."
  type        = string
  default     = null

  validation {
    condition     = var.budget_email == null || can(regex("^[^@ ]+@[^@ ]+$", var.budget_email))
    error_message = "This is no e-mail address."
  }
}

variable "tags" {
  description = "Further tags of everything."
  type        = map(string)
  default     = {}
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
  description = "Addresses outside the VPC that may reach the API server, such as your office's; none: it is reached from the VPC only."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.api_cidrs : can(cidrhost(each, 0)) && each != "0.0.0.0/0"])
    error_message = "Give ranges such as 203.0.113.7/32; the whole internet (0.0.0.0/0) is not allowed."
  }
}

variable "system_instance_types" {
  description = "Types of the nodes for operator, Redis and evaluators."
  type        = list(string)
  default     = ["m7i.large", "m6i.large"]
}

variable "learner_instance_types" {
  description = "Types of the nodes with a GPU."
  type        = list(string)
  default     = ["g4dn.xlarge"]

  validation {
    condition     = alltrue([for each in var.learner_instance_types : can(regex("^[gp][0-9]", each))])
    error_message = "The learner's nodes need a GPU: give types of the families g or p, such as g4dn.xlarge."
  }
}

variable "daemon_instance_types" {
  description = "Types of the spot nodes, all of one size, so that the autoscaler can reckon with any of them."
  type        = list(string)
  default     = ["c7i.4xlarge", "c6i.4xlarge", "c6a.4xlarge", "c5.4xlarge", "c5a.4xlarge", "m6i.4xlarge", "m5.4xlarge"]

  validation {
    condition     = length(var.daemon_instance_types) >= 3 && length(distinct([for each in var.daemon_instance_types : split(".", each)[1]])) == 1
    error_message = "Give three types or more, all of one size (c6i.4xlarge, c5.4xlarge, …): one type alone is taken away all at once."
  }
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
    condition     = var.max_daemon_nodes >= 1 && var.max_daemon_nodes <= 450
    error_message = "Take 1 to 450 spot nodes, the most that a node group may have."
  }
}

variable "runs" {
  description = "Runs that may write to the bucket, as NAMESPACE/NAME of the TrainingRun."
  type        = list(string)
  default     = ["default/standard-ppo"]

  validation {
    condition     = alltrue([for each in var.runs : can(regex("^[a-z0-9-]+/[a-z0-9-]+$", each))])
    error_message = "Give each run as NAMESPACE/NAME, such as default/standard-ppo."
  }
}

variable "elasticache" {
  description = "Whether a Redis is made outside the cluster, with TLS and a replica; otherwise each run has its own in the cluster."
  type        = bool
  default     = false
}

variable "league" {
  description = "Whether a PostgreSQL, nodes for services and the security groups of three tiers are made, for a League of the profile production."
  type        = bool
  default     = false
}

variable "player_cidrs" {
  description = "Networks that players of a league connect from; 0.0.0.0/0: anywhere."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.player_cidrs : can(cidrhost(each, 0))])
    error_message = "Give networks such as 203.0.113.0/24."
  }
}

variable "service_instance_types" {
  description = "Types of the nodes for a league's services; Replay keeps its experiences in memory."
  type        = list(string)
  default     = ["t3a.large", "t3.large", "m6a.large"]
}

variable "database_instance_class" {
  description = "Size of a league's PostgreSQL."
  type        = string
  default     = "db.t4g.small"
}

variable "database_multi_az" {
  description = "Whether a second PostgreSQL in another zone takes over."
  type        = bool
  default     = false
}
