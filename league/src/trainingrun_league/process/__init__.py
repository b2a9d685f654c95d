"""The process: reads options, starts services, ends on a signal."""
