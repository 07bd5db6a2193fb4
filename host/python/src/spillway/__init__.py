"""Streams events into S3 from a sandboxed WebAssembly component.

    import spillway

    with spillway.open({"bucket": "my-events", "region": "eu-west-1"}) as sink:
        sink.write("logs/today.ndjson", ['{"status":200}', '{"status":404}'])

Events of one key become one object. `Sink` has the calls, `spillway.credentials` the sources of
credentials, `spillway.logging` a handler for the `logging` of Python, and `spillway.quixstreams` a
sink for Quix Streams.
"""

from ._open import describe, egress, inspect_state, open
from ._sink import Sink
from .credentials import Credentials
from .errors import (
    Aborted,
    Busy,
    Closed,
    Conflict,
    CredentialsError,
    Denied,
    Interrupted,
    Invalid,
    NotStored,
    Problem,
    SpillwayError,
    Trapped,
    Unavailable,
    UnknownState,
    Unsupported,
)
from .statefile import Saved, StateFile
from .types import (
    Description,
    Ending,
    Failure,
    Histogram,
    IncompleteUpload,
    Metric,
    Notice,
    Progress,
    Rejection,
    SavedObject,
    SavedState,
    VisibleObject,
)

__all__ = [
    "Aborted",
    "Busy",
    "Closed",
    "Conflict",
    "Credentials",
    "CredentialsError",
    "Denied",
    "Description",
    "Ending",
    "Failure",
    "Histogram",
    "IncompleteUpload",
    "Interrupted",
    "Invalid",
    "Metric",
    "NotStored",
    "Notice",
    "Problem",
    "Progress",
    "Rejection",
    "Saved",
    "SavedObject",
    "SavedState",
    "Sink",
    "SpillwayError",
    "StateFile",
    "Trapped",
    "Unavailable",
    "UnknownState",
    "Unsupported",
    "VisibleObject",
    "describe",
    "egress",
    "inspect_state",
    "open",
]
