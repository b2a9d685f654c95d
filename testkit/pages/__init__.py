"""What pages and dashboards are read and made with."""
