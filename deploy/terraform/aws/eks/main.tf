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
  learners      = { for each in var.runs : each => "${var.prefix}/${each}" }
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

module "registry" {
  source        = "../modules/registry"
  name          = var.name
  force_destroy = var.force_destroy
}

module "cluster" {
  source                 = "../modules/cluster"
  name                   = var.name
  kubernetes_version     = var.kubernetes_version
  subnet_ids             = module.network.private_subnets[*].id
  api_cidrs              = var.api_cidrs
  system_instance_types  = var.system_instance_types
  learner_instance_types = var.learner_instance_types
  daemon_instance_types  = var.daemon_instance_types
  max_learners           = var.max_learners
  max_daemon_nodes       = var.max_daemon_nodes
  learner_policy_arns    = module.storage.learner_policy_arns
  service_instance_types = var.league ? var.service_instance_types : []
  security_group_ids     = var.league ? module.league[0].security_groups : {}
  tags                   = local.tags
}

module "cache" {
  count      = var.elasticache ? 1 : 0
  source     = "../modules/cache"
  name       = var.name
  vpc_id     = module.network.vpc_id
  vpc_cidr   = module.network.cidr
  subnet_ids = module.network.private_subnets[*].id
}

module "league" {
  count          = var.league ? 1 : 0
  source         = "../modules/league"
  name           = var.name
  vpc_id         = module.network.vpc_id
  subnet_ids     = module.network.private_subnets[*].id
  player_cidrs   = var.player_cidrs
  instance_class = var.database_instance_class
  multi_az       = var.database_multi_az
  force_destroy  = var.force_destroy
}
