provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == null ? null : [var.account_id]

  default_tags {
    tags = local.tags
  }
}

locals {
  tags = merge(var.tags, { "trainingrun" = var.name })
}

module "network" {
  source       = "../modules/network"
  name         = var.name
  cidr         = var.cidr
  zones        = var.zones
  nat_per_zone = var.nat_per_zone
}

module "storage" {
  source        = "../modules/storage"
  name          = var.name
  bucket        = var.bucket
  prefix        = var.prefix
  learners      = { machine = var.prefix }
  kms_key_arn   = var.kms_key_arn
  force_destroy = var.force_destroy
}

resource "aws_budgets_budget" "this" {
  count        = var.budget_usd > 0 ? 1 : 0
  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:trainingrun$%s", var.name)]
  }

  dynamic "notification" {
    for_each = var.budget_email == null ? [] : [80, 100]

    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = "ACTUAL"
      subscriber_email_addresses = [var.budget_email]
    }
  }

  lifecycle {
    precondition {
      condition     = var.budget_email != null
      error_message = "budget_usd needs budget_email: a budget that writes to nobody is of no use."
    }
  }
}

module "servers" {
  source                = "../modules/servers"
  name                  = var.name
  vpc_id                = module.network.vpc_id
  vpc_cidr              = module.network.cidr
  subnets               = module.network.private_subnets
  num_daemon_servers    = var.num_daemon_servers
  daemons_per_server    = var.daemons_per_server
  games_per_daemon      = var.games_per_daemon
  first_port            = var.first_port
  daemon_instance_types = var.daemon_instance_types
  daemon_spot           = var.daemon_spot
  learner_instance_type = var.learner_instance_type
  learner_spot          = var.learner_spot
  bucket                = module.storage.bucket
  bucket_arn            = module.storage.bucket_arn
  prefix                = var.prefix
  run_key               = var.run_key
  learner_policy_arn    = module.storage.learner_policy_arns["machine"]
  tags                  = local.tags
}
