"""Logs into S3.

    BUCKET=my-events python log_to_s3.py
"""

from __future__ import annotations

import logging
import os

import spillway.logging


def main() -> None:
    config = {"bucket": os.environ["BUCKET"]}
    if "ENDPOINT" in os.environ:
        config["endpoint"] = os.environ["ENDPOINT"]
    handler = spillway.logging.Handler(config, "my-service", level=logging.INFO)
    logging.basicConfig(level=logging.INFO, handlers=[handler, logging.StreamHandler()])

    log = logging.getLogger("my_service")
    for number in range(3):
        log.info("request served", extra={"number": number, "status": 200})


if __name__ == "__main__":
    main()
