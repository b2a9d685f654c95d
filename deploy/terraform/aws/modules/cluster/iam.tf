# Roles. Nodes may join, and pull images; every right beyond that belongs to one account of pods.

data "aws_iam_policy_document" "assumed_by" {
  for_each = {
    control_plane = "eks.amazonaws.com"
    node          = "ec2.amazonaws.com"
    pod           = "pods.eks.amazonaws.com"
  }

  statement {
    actions = each.key == "pod" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

resource "aws_iam_role" "control_plane" {
  name_prefix        = "${var.name}-eks-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["control_plane"].json
}

resource "aws_iam_role_policy_attachment" "control_plane" {
  role       = aws_iam_role.control_plane.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_iam_role" "node" {
  name_prefix        = "${var.name}-node-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["node"].json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each   = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"])
  role       = aws_iam_role.node.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/${each.key}"
}

resource "aws_iam_role" "pod" {
  for_each           = toset(["disks", "scaler"])
  name_prefix        = "${var.name}-${each.key}-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["pod"].json
}

resource "aws_iam_role_policy_attachment" "disks" {
  role       = aws_iam_role.pod["disks"].name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

data "aws_iam_policy_document" "scaler" {
  statement {
    sid = "Look"
    actions = [
      "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
      "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
      "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
      "eks:DescribeNodegroup",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "ScaleOwnGroups"
    actions   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.name}"
      values   = ["owned"]
    }
  }
}

resource "aws_iam_role_policy" "scaler" {
  name   = "scale-own-groups"
  role   = aws_iam_role.pod["scaler"].id
  policy = data.aws_iam_policy_document.scaler.json
}

resource "aws_eks_pod_identity_association" "scaler" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"
  role_arn        = aws_iam_role.pod["scaler"].arn
}

# The operator gives the learner of each run an account of its own, RUN-learner: no other role, and
# above all no daemon, reaches the bucket; and no learner reaches the folder of another run.
resource "aws_iam_role" "learner" {
  for_each           = var.learner_policy_arns
  name_prefix        = "${var.name}-learner-"
  description        = "Learner of the TrainingRun ${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["pod"].json
}

resource "aws_iam_role_policy_attachment" "learner" {
  for_each   = var.learner_policy_arns
  role       = aws_iam_role.learner[each.key].name
  policy_arn = each.value
}

resource "aws_eks_pod_identity_association" "learner" {
  for_each        = aws_iam_role.learner
  cluster_name    = aws_eks_cluster.this.name
  namespace       = split("/", each.key)[0]
  service_account = "${split("/", each.key)[1]}-learner"
  role_arn        = each.value.arn
}
