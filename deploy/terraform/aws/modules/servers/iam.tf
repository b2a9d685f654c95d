# What machines may do: read our programs, and tag themselves. The learner's may write to its prefix.

data "aws_iam_policy_document" "assumed_by_machines" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = toset(["daemon", "learner"])
  name_prefix        = "${var.name}-${each.key}-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_machines.json
}

resource "aws_iam_instance_profile" "this" {
  for_each    = aws_iam_role.this
  name_prefix = "${var.name}-${each.key}-"
  role        = each.value.name
}

data "aws_iam_policy_document" "machine" {
  for_each = {
    daemon  = ["${var.bucket_arn}/packages/*"]
    learner = ["${var.bucket_arn}/packages/*", "${var.bucket_arn}/${var.run_key}"]
  }

  statement {
    sid       = "ReadPrograms"
    actions   = ["s3:GetObject"]
    resources = each.value
  }

  statement {
    sid       = "FindPrograms"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["packages", "packages/*"]
    }
  }

  statement {
    sid       = "TagItself"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${data.aws_partition.here.partition}:ec2:*:*:instance/*"]

    # A machine's sessions are named after its instance.
    condition {
      test     = "StringLike"
      variable = "aws:userid"
      values   = ["*:&{ec2:InstanceID}"]
    }

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["trainingrun:*"]
    }
  }
}

data "aws_partition" "here" {}

resource "aws_iam_role_policy" "machine" {
  for_each = data.aws_iam_policy_document.machine
  name     = "machine"
  role     = aws_iam_role.this[each.key].id
  policy   = each.value.json
}

resource "aws_iam_role_policy_attachment" "checkpoints" {
  role       = aws_iam_role.this["learner"].name
  policy_arn = var.learner_policy_arn
}

# A shell on a machine without SSH: no key, no open port, and every session is logged by AWS.
resource "aws_iam_role_policy_attachment" "shell" {
  for_each   = var.allow_shell ? aws_iam_role.this : {}
  role       = each.value.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
