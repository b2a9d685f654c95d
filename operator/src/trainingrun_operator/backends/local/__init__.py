"""The local backend: workloads as supervised processes of this machine."""
