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

variable "num_daemon_servers" {
  description = "Machines with daemons."
  type        = number
  default     = 4

  validation {
    condition     = var.num_daemon_servers >= 0 && var.num_daemon_servers <= 200 && floor(var.num_daemon_servers) == var.num_daemon_servers
    error_message = "Take 0 to 200 daemon servers."
  }
}

variable "daemons_per_server" {
  description = "Daemons on each machine; a daemon keeps one core busy."
  type        = number
  default     = 4

  validation {
    condition     = var.daemons_per_server >= 1 && var.daemons_per_server <= 192
    error_message = "Take 1 to 192 daemons for each server, not more than it has vCPUs."
  }
}

variable "games_per_daemon" {
  description = "Games that a daemon plays at once."
  type        = number
  default     = 8

  validation {
    condition     = var.games_per_daemon >= 1 && var.games_per_daemon <= 1000
    error_message = "Take 1 to 1000 games for each daemon."
  }
}

variable "first_port" {
  description = "Port of the first daemon of each machine; the others follow."
  type        = number
  default     = 17171

  validation {
    condition     = var.first_port >= 1024 && var.first_port <= 65000
    error_message = "Take a port from 1024 to 65000."
  }
}

variable "daemon_instance_types" {
  description = "Types of the daemon servers, dealt out in turn: machines of several types are not taken away all at once."
  type        = list(string)
  default     = ["c6i.4xlarge", "c5.4xlarge", "c6a.4xlarge"]

  validation {
    condition     = length(var.daemon_instance_types) > 0 && alltrue([for each in var.daemon_instance_types : can(regex("^[a-z][a-z0-9-]*[.][a-z0-9-]+$", each))])
    error_message = "Give instance types such as c6i.4xlarge (aws ec2 describe-instance-type-offerings lists those of the region)."
  }
}

variable "daemon_spot" {
  description = "Whether daemon servers are spot instances."
  type        = bool
  default     = true
}

variable "learner_instance_type" {
  description = "Type of the machine with the run itself (learner, actors, Redis); none: the run is elsewhere in the VPC."
  type        = string
  default     = "g4dn.xlarge"
}

variable "learner_spot" {
  description = "Whether that machine is a spot instance, too."
  type        = bool
  default     = false
}

variable "run_key" {
  description = "Key of the TrainingRun in the bucket: put it there before the machine starts."
  type        = string
  default     = "run.yaml"
}
