output "start" {
  description = "The command that starts the machine again after it has stopped itself."
  value       = "aws ec2 start-instances --region ${var.region} --instance-ids ${aws_instance.this.id}"
}

output "shell" {
  description = "The command that opens a shell on it: tokens are in /var/lib/trainingrun-league/data."
  value       = "aws ssm start-session --region ${var.region} --target ${aws_instance.this.id}"
}

output "pages" {
  description = "The command that forwards the pages: then http://localhost:50080."
  value       = "aws ssm start-session --region ${var.region} --target ${aws_instance.this.id} --document-name AWS-StartPortForwardingSession --parameters portNumber=50080,localPortNumber=50080"
}
