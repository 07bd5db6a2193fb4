"""A program of Quix Streams that stores the messages of a topic, until it has so many or is killed.

It prints each offset that it hands to the sink.
"""

from __future__ import annotations

import sys

import quixstreams
from quixstreams.models.topics import TopicAdmin, TopicConfig

import spillway
import spillway.quixstreams


def main(broker: str, endpoint: str, prefix: str, state: str, count: int) -> None:
    application = quixstreams.Application(
        broker_address=broker,
        consumer_group="store",
        auto_offset_reset="earliest",
        commit_every=500,
        loglevel="WARNING",
        consumer_extra_config={"session.timeout.ms": 6000},
    )
    topic = application.topic("events", value_deserializer="str")
    config = {
        "bucket": "test",
        "endpoint": endpoint,
        "prefix": prefix + "/",
        "rotate": {"events": 700},
    }
    credentials = spillway.Credentials("local", "local")
    with spillway.quixstreams.S3Sink(config, state, credentials=credentials) as sink:
        dataframe = application.dataframe(topic)
        dataframe = dataframe.update(lambda value: print(value[1:9], flush=True))
        dataframe.sink(sink)
        application.run(count=count) if count else application.run(timeout=5)
        sink.complete()
    print("done", flush=True)


def inspected(
    self: TopicAdmin, topic_names: list[str], timeout: float = 30
) -> dict[str, TopicConfig | None]:
    """librdkafka's broker for tests does not answer DescribeConfigs."""
    return {name: TopicConfig(num_partitions=4, replication_factor=1) for name in topic_names}


if __name__ == "__main__":
    TopicAdmin.inspect_topics = inspected  # type: ignore[method-assign]
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
