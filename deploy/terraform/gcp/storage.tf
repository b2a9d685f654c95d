# The bucket, and keys for its S3 interface: the learner speaks S3. The keys belong to an account that
# may use this bucket and nothing else.

resource "google_storage_bucket" "this" {
  name                        = var.bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      days_since_noncurrent_time = 7
      with_state                 = "ARCHIVED"
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }
}

resource "google_service_account" "learner" {
  account_id   = "${var.name}-learner"
  display_name = "Checkpoints of TrainingRun"
}

resource "google_storage_bucket_iam_member" "learner" {
  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser"
  member = google_service_account.learner.member
}

resource "google_storage_hmac_key" "learner" {
  service_account_email = google_service_account.learner.email
}
