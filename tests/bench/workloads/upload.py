"""Stores a file with a library of Python: `upload.py LIBRARY FILE BUCKET`."""

import sys

import boto3
import smart_open
from boto3.s3.transfer import TransferConfig

PART_BYTES = 8 << 20
library, path, bucket = sys.argv[1:]

if library == "boto3":
    config = TransferConfig(multipart_chunksize=PART_BYTES)
    boto3.client("s3").upload_file(path, bucket, "lines", Config=config)
else:
    parameters = {"min_part_size": PART_BYTES}
    with open(path, "rb") as lines:
        with smart_open.open(f"s3://{bucket}/lines", "wb", transport_params=parameters) as stored:
            for line in lines:
                stored.write(line)
