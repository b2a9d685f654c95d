"""Real servers that tests start: Redis, S3, SSH, a browser; and ones that lie."""
