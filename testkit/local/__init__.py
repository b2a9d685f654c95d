"""Runs on this machine: `trainingrun local`, Compose's services, a machine of a cloud."""
