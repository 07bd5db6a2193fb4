"""The types of `spillway:sink` and `spillway:s3`, field by field as in the WIT files of `wit/`."""

from __future__ import annotations

from ._abi import (
    BOOL,
    F64,
    HANDLE,
    NUMBERS,
    OCTETS,
    TEXT,
    U32,
    U64,
    Enum,
    List,
    Option,
    Pair,
    Record,
    Result,
    Type,
    Variant,
)

RUN = Record(
    key=TEXT,
    first=U64,
    at=Option(U64),
    payload=Variant(bytes=OCTETS, text=TEXT),
    boundaries=Variant(at=NUMBERS, lines=U32),
    framing=Enum("bare", "newline"),
)
BATCH = List(RUN)
REJECTION = Record(position=U64, reason=TEXT)
ERROR = Variant(
    invalid=List(Record(field=TEXT, message=TEXT)),
    denied=TEXT,
    unavailable=TEXT,
    busy=None,
    aborted=None,
    closed=None,
    unknown_state=TEXT,
    conflict=TEXT,
    unsupported=TEXT,
)
VISIBLE_OBJECT = Record(
    key=TEXT, object_key=TEXT, first=U64, last=U64, events=U64, bytes=U64, parts=U32
)
FAILURE = Record(
    key=TEXT, object_key=TEXT, begun=U64, first=U64, last=U64, events=U64, cause=ERROR
)
NOTICE = Record(level=Enum("info", "warning"), message=TEXT)
PROGRESS = Record(
    durable=U64,
    visible=List(VISIBLE_OBJECT),
    failed=List(FAILURE),
    wants_checkpoint=BOOL,
    notices=List(NOTICE),
    notices_dropped=U64,
)
DESCRIPTION = Record(name=TEXT, version=TEXT, configuration_schema=TEXT)
ENDING = Enum("complete", "abort", "suspend")
HISTOGRAM = Record(buckets=List(Pair(F64, U64)), beyond=U64, sum=F64)
METRIC = Record(
    name=TEXT,
    help=TEXT,
    labels=List(Pair(TEXT, TEXT)),
    value=Variant(counter=F64, gauge=F64, histogram=HISTOGRAM),
)
INCOMPLETE_UPLOAD = Record(object_key=TEXT, id=TEXT, begun=Option(U64), parts=Option(U32))
SAVED_OBJECT = Record(
    key=TEXT,
    object_key=TEXT,
    id=Option(TEXT),
    first=U64,
    last=U64,
    events=U64,
    bytes=U64,
    held_bytes=U64,
    phase=Enum("open", "sealed", "committed", "failed"),
)
SAVED_STATE = Record(
    next_position=U64,
    configuration=List(Pair(TEXT, TEXT)),
    objects=List(SAVED_OBJECT),
    to_abort=List(INCOMPLETE_UPLOAD),
)

CREDENTIALS = Result(
    Record(
        access_key_id=TEXT,
        secret_access_key=TEXT,
        session_token=Option(TEXT),
        expires_at=Option(U64),
    ),
    Variant(not_configured=TEXT, failed=TEXT),
)

RESULTS: dict[str, Type] = {
    "describe": DESCRIPTION,
    "egress": Result(List(TEXT), ERROR),
    "inspect-state": Result(SAVED_STATE, ERROR),
    "[static]sink.open": Result(HANDLE, ERROR),
    "[method]sink.check": Result(None, ERROR),
    "[method]sink.write": Result(List(REJECTION), ERROR),
    "[method]sink.skip": Result(None, ERROR),
    "[method]sink.poll": Result(PROGRESS, ERROR),
    "[method]sink.flush": Result(PROGRESS, ERROR),
    "[method]sink.checkpoint": Result(OCTETS, ERROR),
    "[method]sink.commit": Result(None, ERROR),
    "[method]sink.close": Result(PROGRESS, ERROR),
    "[method]sink.metrics": List(METRIC),
    "[method]sink.incomplete-uploads": Result(List(INCOMPLETE_UPLOAD), ERROR),
    "[method]sink.abort-upload": Result(None, ERROR),
}
"""What each function of the sink returns. All results are returned by an address."""

SINK = "spillway:sink/sink@0.2.0"
