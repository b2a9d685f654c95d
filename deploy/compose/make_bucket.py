"""Makes the bucket for the checkpoints: python make_bucket.py NAME.

Nothing when it is there already. Endpoint and keys come from the usual AWS variables.
"""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def main(name: str) -> int:
    """Make it; 1 where the store refuses or cannot be reached."""
    client = boto3.client(
        "s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 10})
    )
    try:
        client.create_bucket(Bucket=name)
    except client.exceptions.BucketAlreadyOwnedByYou:
        print(f"bucket {name} is there already")
        return 0
    except (BotoCoreError, ClientError) as error:
        print(f"bucket {name} cannot be made: {error}: check the store and S3_*", file=sys.stderr)
        return 1
    print(f"bucket {name} is made")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
