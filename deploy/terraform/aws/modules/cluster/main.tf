# EKS with three kinds of nodes. `system` (on demand): operator, Redis, evaluators, and what may never
# be taken away. `learner` (on demand, GPU), tainted as GPU nodes are everywhere. `daemons` (spot, many
# types, all zones): labelled by EKS with eks.amazonaws.com/capacityType=SPOT, which spec.daemon.spot
# looks for, and tainted so that nothing else comes to rest there.

data "aws_partition" "here" {}

resource "aws_cloudwatch_log_group" "control_plane" {
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = 30
}

resource "aws_eks_cluster" "this" {
  name                          = var.name
  role_arn                      = aws_iam_role.control_plane.arn
  version                       = var.kubernetes_version
  enabled_cluster_log_types     = ["api", "audit", "authenticator"]
  bootstrap_self_managed_addons = false

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.api_cidrs) > 0
    public_access_cidrs     = length(var.api_cidrs) > 0 ? var.api_cidrs : null
  }

  depends_on = [aws_iam_role_policy_attachment.control_plane, aws_cloudwatch_log_group.control_plane]
}

# Nodes have disks that are encrypted, and metadata that only the node itself reads: one hop does
# not reach into pods, so that no pod acts as the node.
resource "aws_launch_template" "node" {
  for_each               = local.groups
  name_prefix            = "${var.name}-${each.key}-"
  update_default_version = true
  vpc_security_group_ids = local.nodes[each.key]

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = each.value.disk_gb
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  }
}

# EKS makes one for the cluster and its nodes, and tags it.
data "aws_security_group" "cluster" {
  filter {
    name   = "tag:aws:eks:cluster-name"
    values = [aws_eks_cluster.this.name]
  }
}

locals {
  # Where groups of nodes are named, their own and the cluster's are both given: EKS adds none then.
  tier = { system = "private", services = "private", learner = "isolated", daemons = "isolated" }
  nodes = {
    for name, tier in local.tier : name => contains(keys(var.security_group_ids), tier) ?
    [data.aws_security_group.cluster.id, var.security_group_ids[tier]] : null
  }
  services = length(var.service_instance_types) == 0 ? {} : {
    services = {
      spot  = false, types = var.service_instance_types, ami = "AL2023_x86_64_STANDARD", disk_gb = 50
      least = 2, most = 4, taints = {}, subnet_ids = var.subnet_ids
    }
  }
  groups = merge(local.services, {
    system = {
      spot  = false, types = var.system_instance_types, ami = "AL2023_x86_64_STANDARD", disk_gb = 50
      least = 2, most = 4, taints = {}, subnet_ids = var.subnet_ids
    }
    learner = {
      spot  = false, types = var.learner_instance_types, ami = "AL2023_x86_64_NVIDIA", disk_gb = 150
      least = 0, most = var.max_learners, taints = { "nvidia.com/gpu" = "true" }, subnet_ids = var.subnet_ids
    }
    daemons = {
      spot  = true, types = var.daemon_instance_types, ami = "AL2023_x86_64_STANDARD", disk_gb = 50
      least = 0, most = var.max_daemon_nodes, subnet_ids = var.subnet_ids
      # EKS reserves its own prefix, so the taint has Karpenter's name; the operator tolerates both.
      taints = { "karpenter.sh/capacity-type" = "spot" }
    }
  })
}

resource "aws_eks_node_group" "this" {
  for_each        = local.groups
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = each.value.subnet_ids
  capacity_type   = each.value.spot ? "SPOT" : "ON_DEMAND"
  instance_types  = each.value.types
  ami_type        = each.value.ami
  labels          = { "trainingrun.dev/nodes" = each.key }

  scaling_config {
    min_size     = each.value.least
    max_size     = each.value.most
    desired_size = each.value.least
  }

  update_config {
    max_unavailable = 1
  }

  launch_template {
    id      = aws_launch_template.node[each.key].id
    version = aws_launch_template.node[each.key].latest_version
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  # The cluster autoscaler changes the number; it finds the labels and taints of a group that has no
  # node yet in the group's own description.
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [aws_iam_role_policy_attachment.node]
}

resource "aws_eks_addon" "this" {
  for_each                    = toset(["vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "aws-ebs-csi-driver"])
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"

  dynamic "pod_identity_association" {
    for_each = each.key == "aws-ebs-csi-driver" ? [1] : []

    content {
      role_arn        = aws_iam_role.pod["disks"].arn
      service_account = "ebs-csi-controller-sa"
    }
  }
}
