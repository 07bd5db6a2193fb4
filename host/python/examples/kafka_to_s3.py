"""Stores the messages of a Kafka topic, with Quix Streams.

    pip install './host/python[quixstreams]'
    BUCKET=my-events KAFKA=localhost:9092 TOPIC=orders python kafka_to_s3.py
"""

from __future__ import annotations

import os

import quixstreams

import spillway.quixstreams


def main() -> None:
    config = {"bucket": os.environ["BUCKET"]}
    if "ENDPOINT" in os.environ:
        config["endpoint"] = os.environ["ENDPOINT"]
    application = quixstreams.Application(
        broker_address=os.environ["KAFKA"],
        consumer_group="to-s3",
        auto_offset_reset="earliest",
    )
    topic = application.topic(os.environ["TOPIC"], value_deserializer="json")
    with spillway.quixstreams.S3Sink(config, "orders.state") as sink:
        dataframe = application.dataframe(topic)
        dataframe.sink(sink)
        application.run()


if __name__ == "__main__":
    main()
