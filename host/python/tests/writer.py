"""A program that writes numbered lines with checkpoints, until it is done or killed."""

from __future__ import annotations

import sys
from typing import Any

import spillway


def line(number: int) -> str:
    return f"{number:012d} {'x' * (number * 7919 % 400)}"


def main(endpoint: str, prefix: str, path: str, lines: int, every: int) -> None:
    config: dict[str, Any] = {
        "bucket": "test",
        "endpoint": endpoint,
        "prefix": prefix + "/",
        "commit": "checkpointed",
        "key_template": "{key}-{first}",
        "rotate": {"bytes": 7 << 20},
        "part_bytes": 5 << 20,
    }
    with spillway.StateFile(path) as file:
        saved = file.load()
        begin = saved.source["next"] if saved else 0
        state = saved.state if saved else None
        credentials = spillway.Credentials("local", "local")
        with spillway.open(config, state=state, credentials=credentials) as sink:
            for first in range(begin, lines, every):
                after = min(first + every, lines)
                sink.write("lines", [line(number) for number in range(first, after)])
                assert sink.position == after
                file.store(sink.checkpoint(), {"next": after})
                print(after, flush=True)
                sink.commit()
            sink.finish(lambda state: file.store(state, {"next": lines}))
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
