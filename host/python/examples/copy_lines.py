"""Copies a file of lines into one object.

    BUCKET=my-events python copy_lines.py events.ndjson logs/events.ndjson

ENDPOINT names a store that is not AWS. Credentials are found as boto3 finds them.
"""

from __future__ import annotations

import os
import sys

import spillway


def main(path: str, key: str) -> None:
    config = {"bucket": os.environ["BUCKET"]}
    if "ENDPOINT" in os.environ:
        config["endpoint"] = os.environ["ENDPOINT"]
    with spillway.open(config) as sink, open(path, "rb") as lines:
        for rejection in sink.write(key, lines):
            print(f"line {rejection.position} cannot be stored: {rejection.reason}")
        progress = sink.close()
    for stored in progress.visible:
        print(f"{stored.object_key}: {stored.events} lines, {stored.bytes} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
