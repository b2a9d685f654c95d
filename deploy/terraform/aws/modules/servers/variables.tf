variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "vpc_cidr" {
  description = "Addresses that may play: those of the VPC."
  type        = string
}

variable "subnets" {
  description = "Private subnets; daemon servers are dealt out to them in turn."
  type        = list(object({ id = string, cidr = string }))
}

variable "num_daemon_servers" {
  description = "Machines with daemons."
  type        = number
}

variable "daemons_per_server" {
  description = "Daemons on each machine."
  type        = number
}

variable "games_per_daemon" {
  description = "Games that a daemon plays at once."
  type        = number
}

variable "first_port" {
  description = "Port of the first daemon; the others follow."
  type        = number
}

variable "daemon_instance_types" {
  description = "Types of the daemon servers, dealt out in turn."
  type        = list(string)
}

variable "daemon_spot" {
  description = "Whether daemon servers are spot instances."
  type        = bool
}

variable "learner_instance_type" {
  description = "Type of the run's machine; none: the run is elsewhere."
  type        = string
  default     = null
}

variable "learner_spot" {
  description = "Whether the run's machine is a spot instance."
  type        = bool
}

variable "daemon_image_parameter" {
  description = "Systems Manager parameter with the machine image of the daemons: Amazon Linux 2023 has all that startup.sh needs."
  type        = string
  default     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

variable "learner_image_parameter" {
  description = "The same for the run's machine: an image with the GPU's driver."
  type        = string
  default     = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
}

variable "disk_gb" {
  description = "Disk of a daemon server."
  type        = number
  default     = 20
}

variable "learner_disk_gb" {
  description = "Disk of the run's machine."
  type        = number
  default     = 150
}

variable "bucket" {
  description = "Bucket with packages/ (our wheels), the run's file, and the checkpoints."
  type        = string
}

variable "bucket_arn" {
  description = "Its ARN."
  type        = string
}

variable "prefix" {
  description = "Folder of the bucket that runs write to."
  type        = string
}

variable "run_key" {
  description = "Key of the TrainingRun in the bucket."
  type        = string
}

variable "learner_policy_arn" {
  description = "Policy with what a learner may do."
  type        = string
}

variable "allow_shell" {
  description = "Whether Session Manager may open a shell on the machines."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of volumes, which the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}
