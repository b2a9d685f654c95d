"""Bytes under names: a directory or a bucket; who keeps what is the services' matter."""
