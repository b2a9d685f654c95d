resource "google_service_account" "node" {
  account_id   = "${var.name}-node"
  display_name = "Nodes of TrainingRun"
}

resource "google_project_iam_member" "node" {
  for_each = toset(["roles/container.defaultNodeServiceAccount"])
  project  = var.project
  role     = each.key
  member   = google_service_account.node.member
}

resource "google_artifact_registry_repository_iam_member" "node" {
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.node.member
}

resource "google_container_cluster" "this" {
  name                     = var.name
  location                 = var.region
  network                  = google_compute_network.this.id
  subnetwork               = google_compute_subnetwork.nodes.id
  remove_default_node_pool = true
  initial_node_count       = 1
  deletion_protection      = var.deletion_protection
  datapath_provider        = "ADVANCED_DATAPATH"

  release_channel {
    channel = "REGULAR"
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = length(var.api_cidrs) == 0
  }

  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = toset(var.api_cidrs)

      content {
        cidr_block = cidr_blocks.value
      }
    }
  }

  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }
}

locals {
  # GKE labels spot nodes cloud.google.com/gke-spot=true by itself; the taint of that name keeps
  # others off, and the operator tolerates it. GPU nodes it taints nvidia.com/gpu by itself.
  pools = {
    system  = { type = var.system_machine_type, spot = false, least = 1, most = 2, gpu = null }
    learner = { type = var.learner_machine_type, spot = false, least = 0, most = var.max_learners, gpu = var.learner_gpu }
    daemons = { type = var.daemon_machine_type, spot = true, least = 0, most = var.max_daemon_nodes, gpu = null }
  }
}

resource "google_container_node_pool" "this" {
  for_each           = local.pools
  name               = each.key
  cluster            = google_container_cluster.this.id
  node_locations     = var.zones
  initial_node_count = each.value.least

  # Over all zones together; of spot nodes, where there are any.
  autoscaling {
    total_min_node_count = each.value.least
    total_max_node_count = each.value.most
    location_policy      = each.value.spot ? "ANY" : "BALANCED"
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  node_config {
    machine_type    = each.value.type
    spot            = each.value.spot
    disk_size_gb    = each.value.gpu == null ? 50 : 150
    disk_type       = "pd-balanced"
    service_account = google_service_account.node.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = { "trainingrun.dev/nodes" = each.key }

    dynamic "guest_accelerator" {
      for_each = each.value.gpu == null ? [] : [each.value.gpu]

      content {
        type  = guest_accelerator.value
        count = 1

        gpu_driver_installation_config {
          gpu_driver_version = "DEFAULT"
        }
      }
    }

    dynamic "taint" {
      for_each = each.value.spot ? [1] : []

      content {
        key    = "cloud.google.com/gke-spot"
        value  = "true"
        effect = "NO_SCHEDULE"
      }
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    # Pods reach the metadata of their own account and not those of the node.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  lifecycle {
    ignore_changes = [initial_node_count]
  }
}
