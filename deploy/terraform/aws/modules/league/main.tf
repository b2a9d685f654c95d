# What a production League keeps outside the cluster, and who may connect to what: a PostgreSQL, and
# the security groups of three tiers. Public: the load balancers of Game, Matchmaker and the pages.
# Private: the nodes of the services, which only those load balancers and the VPC reach. Isolated: the
# nodes that train and play, which no one connects to from outside their own group.
# Within the cluster the operator's NetworkPolicies say the same of pods.

locals {
  public_ports  = { game = 50051, matchmaker = 50052, pages = 50080 }
  private_ports = { model = 50053, elo = 50054, replay = 50055 }
}

# ---- PostgreSQL

resource "random_password" "this" {
  length  = 48
  special = false
}

resource "aws_db_subnet_group" "this" {
  name       = "${var.name}-league"
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-league-"
  family      = "postgres17"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier                   = "${var.name}-league"
  engine                       = "postgres"
  engine_version               = "17"
  instance_class               = var.instance_class
  allocated_storage            = var.storage_gb
  max_allocated_storage        = 10 * var.storage_gb
  storage_type                 = "gp3"
  storage_encrypted            = true
  db_name                      = "league"
  username                     = "league"
  password                     = random_password.this.result
  db_subnet_group_name         = aws_db_subnet_group.this.name
  parameter_group_name         = aws_db_parameter_group.this.name
  vpc_security_group_ids       = [aws_security_group.tier["database"].id]
  publicly_accessible          = false
  multi_az                     = var.multi_az
  backup_retention_period      = 7
  copy_tags_to_snapshot        = true
  auto_minor_version_upgrade   = true
  deletion_protection          = !var.force_destroy
  skip_final_snapshot          = var.force_destroy
  final_snapshot_identifier    = var.force_destroy ? null : "${var.name}-league-last"
  performance_insights_enabled = true
}

# ---- three tiers

resource "aws_security_group" "tier" {
  for_each = {
    public   = "League, public: load balancers of Game, Matchmaker and pages"
    private  = "League, private: nodes of the services"
    isolated = "League, isolated: nodes that train and play"
    database = "League: its PostgreSQL"
  }
  name_prefix = "${var.name}-league-${each.key}-"
  description = each.value
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-league-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  for_each = {
    for pair in setproduct(keys(local.public_ports), var.player_cidrs) : join(" ", pair) => { port = local.public_ports[pair[0]], cidr = pair[1] }
  }
  security_group_id = aws_security_group.tier["public"].id
  description       = "Players"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "public" {
  for_each                     = local.public_ports
  security_group_id            = aws_security_group.tier["public"].id
  description                  = "To ${each.key}"
  referenced_security_group_id = aws_security_group.tier["private"].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "from_public" {
  for_each                     = local.public_ports
  security_group_id            = aws_security_group.tier["private"].id
  description                  = "${each.key}, from its load balancer"
  referenced_security_group_id = aws_security_group.tier["public"].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "from_isolated" {
  for_each                     = merge(local.public_ports, local.private_ports)
  security_group_id            = aws_security_group.tier["private"].id
  description                  = "${each.key}, from learners and workers"
  referenced_security_group_id = aws_security_group.tier["isolated"].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "among" {
  for_each                     = toset(["private", "isolated"])
  security_group_id            = aws_security_group.tier[each.key].id
  description                  = "From its own tier"
  referenced_security_group_id = aws_security_group.tier[each.key].id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = toset(["private", "isolated"])
  security_group_id = aws_security_group.tier[each.key].id
  description       = "To the bucket, Redis, PostgreSQL and registries"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.tier["database"].id
  description                  = "From the services, and from no learner"
  referenced_security_group_id = aws_security_group.tier["private"].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}
