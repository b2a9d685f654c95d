output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "uri" {
  description = "Bucket and prefix for spec.checkpoint.storage.s3, with a folder of the run behind it."
  value       = "s3://${aws_s3_bucket.this.id}/${var.prefix}"
}

output "learner_policy_arns" {
  description = "Policy with what each learner may do, by the learner's name."
  value       = { for name, each in aws_iam_policy.learner : name => each.arn }
}
