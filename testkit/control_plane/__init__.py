"""A real Kubernetes control plane with played pods, and clients that read it from outside."""
