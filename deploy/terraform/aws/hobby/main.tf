# A hobby league on one small machine: `trainingrun league up`, which stops the machine when nobody uses
# it. A stopped machine costs its disk, with all that the league knows on it. No load balancer, no NAT:
# nobody can connect to it, and Systems Manager forwards the ports to who may sign in.

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == null ? null : [var.account_id]

  default_tags {
    tags = merge(var.tags, { "trainingrun" = var.name })
  }
}

data "aws_partition" "here" {}

data "aws_ssm_parameter" "image" {
  name = var.image_parameter
}

locals {
  packages = "arn:${data.aws_partition.here.partition}:s3:::${var.bucket}"
  settings = {
    LEAGUE_ENVIRONMENT  = var.environment
    LEAGUE_WORKERS      = tostring(var.workers)
    LEAGUE_IDLE_MINUTES = tostring(var.idle_minutes)
    LEAGUE_PACKAGES     = "s3://${var.bucket}/packages"
    AWS_REGION          = var.region
  }
  startup = file("${path.module}/../../../aws/league.sh")
}

# ---- A network of its own with one public subnet: the machine reaches out, and nothing reaches in

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-closed" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "this" {
  vpc_id                  = aws_vpc.this.id
  cidr_block              = cidrsubnet(var.cidr, 8, 0)
  map_public_ip_on_launch = false
  tags                    = { Name = var.name }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.this.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "this" {
  subnet_id      = aws_subnet.this.id
  route_table_id = aws_route_table.this.id
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-"
  description = "A hobby league: nobody connects to it but through Systems Manager"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = var.name }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Programs, S3, Systems Manager"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# ---- What it may do: read our programs, and be signed in to

data "aws_iam_policy_document" "assumed_by_machines" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "machine" {
  statement {
    sid       = "ReadPrograms"
    actions   = ["s3:GetObject"]
    resources = ["${local.packages}/packages/*"]
  }

  statement {
    sid       = "FindPrograms"
    actions   = ["s3:ListBucket"]
    resources = [local.packages]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["packages", "packages/*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_machines.json
}

resource "aws_iam_role_policy" "machine" {
  name   = "machine"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.machine.json
}

resource "aws_iam_role_policy_attachment" "sign_in" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.this.name
}

# ---- The machine

resource "aws_instance" "this" {
  ami                                  = data.aws_ssm_parameter.image.value
  instance_type                        = var.instance_type
  subnet_id                            = aws_subnet.this.id
  associate_public_ip_address          = true
  vpc_security_group_ids               = [aws_security_group.this.id]
  iam_instance_profile                 = aws_iam_instance_profile.this.name
  instance_initiated_shutdown_behavior = "stop"
  user_data_base64                     = base64gzip(join("\n", concat(["#!/bin/bash"], [for name, value in local.settings : "export ${name}='${value}'"], ["cat >/root/league.sh <<'LEAGUE_SH'", local.startup, "LEAGUE_SH", "exec bash /root/league.sh start"])))
  tags                                 = { Name = var.name, "trainingrun:role" = "league" }
  volume_tags                          = merge(var.tags, { Name = var.name })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_size           = var.disk_gb
    volume_type           = "gp3"
    encrypted             = true
    delete_on_termination = false
  }

  lifecycle {
    # The league is on its disk: neither a newer image nor other settings are a reason to make it anew.
    ignore_changes = [ami, user_data_base64]
  }
}
