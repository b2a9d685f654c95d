output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "uri" {
  description = "For spec.checkpoint.storage, with a folder of the run behind it."
  value       = "s3://${aws_s3_bucket.this.id}/${var.prefix}"
}

output "learner_policy_arn" {
  description = "Policy with what a learner may do."
  value       = aws_iam_policy.learner.arn
}
