"""Stores a growing file of lines, each exactly once, however often the program is killed.

    BUCKET=my-events python exactly_once.py events.ndjson events.state

Objects are named by the number of their first line, and never replace another one. With a new state
file numbers begin at 0 again, so the objects of an earlier state file are in the way: the program
says which, and ends. Delete or move that object and run again. Or keep both: delete the state file
and put `{uuid}` into `key_template`. All lines are then stored once more, under new names.
"""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import Any

import spillway

LINES = 10_000


def main(path: str, state_path: str) -> None:
    config: dict[str, Any] = {
        "bucket": os.environ["BUCKET"],
        "commit": "checkpointed",
        "key_template": "{key}-{first}",
        "rotate": {"bytes": 64 << 20},
    }
    if "ENDPOINT" in os.environ:
        config["endpoint"] = os.environ["ENDPOINT"]
    with spillway.StateFile(state_path) as file, open(path, "rb") as source:
        saved = file.load()
        offset = saved.source["offset"] if saved else 0
        source.seek(offset)
        with spillway.open(config, state=saved.state if saved else None) as sink:

            def store(state: bytes) -> None:
                file.store(state, {"offset": offset})

            while lines := list(islice(source, LINES)):
                if not lines[-1].endswith(b"\n"):
                    lines.pop()  # it is still being written; the next run takes it
                while lines:
                    try:
                        sink.write("events", lines)
                        taken = len(lines)
                    except spillway.Busy as busy:
                        taken = busy.taken  # only a commit makes room for the others
                    offset += sum(map(len, lines[:taken]))
                    lines = lines[taken:]
                    store(sink.checkpoint())
                    sink.commit()
            progress = sink.finish(store)
    print(f"{progress.durable} lines are stored")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except spillway.SpillwayError as error:
        sys.exit(f"exactly_once.py: {error}")
