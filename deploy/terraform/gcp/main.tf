# GKE with the same three kinds of nodes as on AWS: `system`, `learner` (GPU), `daemons` (spot).

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = local.labels
}

locals {
  labels = merge(var.labels, { trainingrun = var.name })
}

resource "google_project_service" "this" {
  for_each           = toset(["artifactregistry.googleapis.com", "compute.googleapis.com", "container.googleapis.com"])
  service            = each.key
  disable_on_destroy = false
}

resource "google_compute_network" "this" {
  name                    = var.name
  auto_create_subnetworks = false
  depends_on              = [google_project_service.this]
}

resource "google_compute_subnetwork" "nodes" {
  name                     = var.name
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = cidrsubnet(var.cidr, 4, 0)
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = cidrsubnet(var.cidr, 1, 1)
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = cidrsubnet(var.cidr, 4, 1)
  }
}

resource "google_compute_router" "this" {
  name    = var.name
  region  = var.region
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  name                               = var.name
  region                             = var.region
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_artifact_registry_repository" "this" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  description   = "The images of TrainingRun"
  depends_on    = [google_project_service.this]

  docker_config {
    immutable_tags = true
  }
}
