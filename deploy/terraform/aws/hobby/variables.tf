variable "name" {
  description = "Prefix of all names, and a tag."
  type        = string
  default     = "trainingrun-league"

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
  default     = "10.43.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "Give a /16 such as 10.43.0.0/16: the subnets are cut from it."
  }
}

variable "tags" {
  description = "Further tags of everything."
  type        = map(string)
  default     = {}
}

variable "bucket" {
  description = "A bucket of yours with our wheels under packages/."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and dashes."
  }
}

variable "environment" {
  description = "What the league's models play."
  type        = string
  default     = "connect_four"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.:-]{1,100}$", var.environment))
    error_message = "Give the name of a game, such as connect_four."
  }
}

variable "workers" {
  description = "Processes that play the league's matches."
  type        = number
  default     = 1

  validation {
    condition     = var.workers >= 0 && var.workers <= 64 && floor(var.workers) == var.workers
    error_message = "Take 0 to 64 workers."
  }
}

variable "idle_minutes" {
  description = "Minutes without a model, a match or a player after which the machine stops; 0: it never does."
  type        = number
  default     = 60

  validation {
    condition     = var.idle_minutes >= 0 && var.idle_minutes <= 10080 && floor(var.idle_minutes) == var.idle_minutes
    error_message = "Take 0 to 10080 minutes (a week)."
  }
}

variable "instance_type" {
  description = "Type of the machine: x86, at least 2 GiB of memory."
  type        = string
  default     = "t3.small"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[.][a-z0-9-]+$", var.instance_type))
    error_message = "Give an instance type such as t3.small."
  }
}

variable "image_parameter" {
  description = "Systems Manager parameter with the machine image: Amazon Linux 2023 has all that league.sh needs."
  type        = string
  default     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

  validation {
    condition     = startswith(var.image_parameter, "/")
    error_message = "A parameter's name begins with a slash."
  }
}

variable "disk_gb" {
  description = "Disk, with models, games and results; it stays when the machine is deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.disk_gb >= 16 && var.disk_gb <= 1000
    error_message = "Take 16 to 1000 GB."
  }
}
