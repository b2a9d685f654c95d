# Plain machines: N with daemons and, if wanted, one with the run itself. Each gets startup.sh as its
# user data. Daemon i always has the same private address, so the list of endpoints that a run has
# stays right when a spot machine was taken away and `terraform apply` makes it anew.

data "aws_region" "here" {}

data "aws_ssm_parameter" "image" {
  for_each = { daemon = var.daemon_image_parameter, learner = var.learner_image_parameter }
  name     = each.value
}

locals {
  subnet_count = length(var.subnets)
  servers = {
    for i in range(var.num_daemon_servers) : format("%02d", i) => {
      type   = var.daemon_instance_types[i % length(var.daemon_instance_types)]
      subnet = var.subnets[i % local.subnet_count]
      # The first addresses of a subnet are AWS's own.
      address = cidrhost(var.subnets[i % local.subnet_count].cidr, 16 + floor(i / local.subnet_count))
    }
  }
  ports = [for i in range(var.daemons_per_server) : var.first_port + i]
  endpoints = flatten([
    for each in values(local.servers) : [for port in local.ports : "${each.address}:${port}"]
  ])
  startup = file("${path.module}/../../../../aws/startup.sh")
  daemon_settings = {
    TRAININGRUN_ROLE         = "daemon"
    TRAININGRUN_DAEMON_COUNT = tostring(var.daemons_per_server)
    TRAININGRUN_FIRST_PORT   = tostring(var.first_port)
    TRAININGRUN_GAMES        = tostring(var.games_per_daemon)
    TRAININGRUN_PACKAGES     = "s3://${var.bucket}/packages"
    AWS_REGION               = data.aws_region.here.region
  }
  learner_settings = {
    TRAININGRUN_ROLE     = "learner"
    TRAININGRUN_RUN      = "s3://${var.bucket}/${var.run_key}"
    TRAININGRUN_KEEP     = "s3://${var.bucket}/${var.prefix}/${var.name}/machine"
    TRAININGRUN_DAEMONS  = join(",", local.endpoints)
    TRAININGRUN_PACKAGES = "s3://${var.bucket}/packages"
    AWS_REGION           = data.aws_region.here.region
  }
}

resource "aws_security_group" "daemon" {
  name_prefix = "${var.name}-daemon-"
  description = "Daemons of TrainingRun: they may have no token, so from the VPC only"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-daemon" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "games" {
  security_group_id = aws_security_group.daemon.id
  description       = "Line protocol, from the VPC"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = var.first_port
  to_port           = var.first_port + var.daemons_per_server - 1
}

resource "aws_vpc_security_group_egress_rule" "daemon" {
  security_group_id = aws_security_group.daemon.id
  description       = "Programs, S3, EC2"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "learner" {
  name_prefix = "${var.name}-learner-"
  description = "The run's machine: nobody connects to it"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-learner" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "learner" {
  for_each          = { games = { cidr = var.vpc_cidr, from = var.first_port, to = var.first_port + var.daemons_per_server - 1 }, https = { cidr = "0.0.0.0/0", from = 443, to = 443 } }
  security_group_id = aws_security_group.learner.id
  description       = each.key
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.from
  to_port           = each.value.to
}

resource "aws_launch_template" "daemon" {
  name_prefix            = "${var.name}-daemon-"
  image_id               = data.aws_ssm_parameter.image["daemon"].value
  update_default_version = true
  vpc_security_group_ids = [aws_security_group.daemon.id]
  user_data              = base64gzip(join("\n", concat(["#!/bin/bash"], [for name, value in local.daemon_settings : "export ${name}='${value}'"], [local.startup])))

  iam_instance_profile {
    name = aws_iam_instance_profile.this["daemon"].name
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = var.disk_gb
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(var.tags, { Name = "${var.name}-daemon" })
  }
}

resource "aws_instance" "daemon" {
  for_each      = local.servers
  instance_type = each.value.type
  subnet_id     = each.value.subnet.id
  private_ip    = each.value.address
  tags          = { Name = "${var.name}-daemon-${each.key}", "trainingrun:role" = "daemon" }

  launch_template {
    id      = aws_launch_template.daemon.id
    version = aws_launch_template.daemon.latest_version
  }

  dynamic "instance_market_options" {
    for_each = var.daemon_spot ? [1] : []

    content {
      market_type = "spot"

      # No highest price: it is the on-demand price then, and cheaper bids are interrupted more often.
      spot_options {
        spot_instance_type             = "one-time"
        instance_interruption_behavior = "terminate"
      }
    }
  }

  lifecycle {
    # A newer image is no reason to end games.
    ignore_changes = [ami]
  }
}

resource "aws_instance" "learner" {
  count                  = var.learner_instance_type == null ? 0 : 1
  ami                    = data.aws_ssm_parameter.image["learner"].value
  instance_type          = var.learner_instance_type
  subnet_id              = var.subnets[0].id
  vpc_security_group_ids = [aws_security_group.learner.id]
  iam_instance_profile   = aws_iam_instance_profile.this["learner"].name
  user_data_base64       = base64gzip(join("\n", concat(["#!/bin/bash"], [for name, value in local.learner_settings : "export ${name}='${value}'"], [local.startup])))
  tags                   = { Name = "${var.name}-learner", "trainingrun:role" = "learner" }
  volume_tags            = merge(var.tags, { Name = "${var.name}-learner" })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_size = var.learner_disk_gb
    volume_type = "gp3"
    encrypted   = true
  }

  dynamic "instance_market_options" {
    for_each = var.learner_spot ? [1] : []

    content {
      market_type = "spot"

      spot_options {
        spot_instance_type             = "one-time"
        instance_interruption_behavior = "terminate"
      }
    }
  }

  lifecycle {
    ignore_changes = [ami]
  }

  depends_on = [aws_iam_role_policy.machine, aws_iam_role_policy_attachment.checkpoints]
}
