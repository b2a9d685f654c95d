variable "name" {
  description = "Name of the cluster, and prefix of all names."
  type        = string
}

variable "kubernetes_version" {
  description = "Version of Kubernetes."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets for nodes, in two zones at least."
  type        = list(string)
}

variable "api_cidrs" {
  description = "Addresses outside the VPC that may reach the API server; none: it is private."
  type        = list(string)
}

variable "system_instance_types" {
  description = "Types of the nodes for operator, Redis and evaluators."
  type        = list(string)
}

variable "learner_instance_types" {
  description = "Types of the nodes with a GPU."
  type        = list(string)
}

variable "daemon_instance_types" {
  description = "Types of the spot nodes; all with the same number of vCPUs, so that the autoscaler can reckon with any of them."
  type        = list(string)
}

variable "max_learners" {
  description = "Most nodes with a GPU."
  type        = number
}

variable "max_daemon_nodes" {
  description = "Most spot nodes."
  type        = number
}

variable "learner_policy_arns" {
  description = "Policy with what the learner of each run may do, by NAMESPACE/NAME of the run."
  type        = map(string)
}

variable "tags" {
  description = "Tags of instances and volumes, which the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}

variable "service_instance_types" {
  description = "Types of the nodes for a league's services; none: there are no such nodes."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups that nodes get beside the cluster's: `private` for those of services, `isolated` for those that train and play."
  type        = map(string)
  default     = {}
}
