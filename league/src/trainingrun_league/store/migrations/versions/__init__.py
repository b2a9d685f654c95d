"""The migrations, in files ``SERVICE_NUMBER_what.py``."""
