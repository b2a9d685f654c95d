"""The Kubernetes backend: workloads as Deployments, StatefulSets and Jobs."""
