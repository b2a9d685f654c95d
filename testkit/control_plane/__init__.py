"""A real Kubernetes control plane with played pods, and what looks at it from outside."""
