# Repositories for the images, called as images.sh calls them: REGISTRY/trainingrun-ROLE. Tags are written once: an image that runs cannot change under
# its tag.

locals {
  images = toset(["daemon", "actor", "search", "trainer", "operator", "league", "redis"])
}

resource "aws_ecr_repository" "this" {
  for_each             = local.images
  name                 = "${var.name}/trainingrun-${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = local.images
  repository = aws_ecr_repository.this[each.key].name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "layers of pushes that were cut off"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 7 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "the newest images stay"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.keep }
        action       = { type = "expire" }
      },
    ]
  })
}
