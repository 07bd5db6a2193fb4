"""An S3 server that keeps nothing: it counts the bytes of each object, and drops them.

It proves neither signatures nor checksums, so a measurement sees what the client does and almost
nothing else.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET = "measured"
_PIECE_BYTES = 1 << 20
_TAG = '"00000000000000000000000000000000"'


class Store:
    """What was stored since `forget`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._uploads: dict[str, dict[str, int]] = {}
        self._objects: dict[str, int] = {}
        self._times: list[float] = []

    def forget(self) -> None:
        """Empties the bucket."""
        with self._lock:
            self._uploads.clear()
            self._objects.clear()
            self._times.clear()

    def now(self) -> None:
        """Something happens now: a request came, or was answered."""
        with self._lock:
            self._times.append(time.perf_counter())

    def seconds(self) -> float:
        """From the first request to the last answer."""
        with self._lock:
            return max(self._times) - min(self._times)

    def sizes(self) -> dict[str, int]:
        """The bytes of each object that is visible, by its key."""
        with self._lock:
            return dict(self._objects)

    def put(self, key: str, size: int) -> None:
        """Makes an object visible."""
        with self._lock:
            self._objects[key] = size

    def create(self) -> str:
        """Begins an upload, and returns its id."""
        with self._lock:
            upload = str(next(self._numbers))
            self._uploads[upload] = {}
            return upload

    def part(self, upload: str, number: str, size: int) -> None:
        """Takes a part. One with the same number is replaced."""
        with self._lock:
            self._uploads[upload][number] = size

    def complete(self, key: str, upload: str) -> None:
        """Makes the object of an upload visible."""
        with self._lock:
            self._objects[key] = sum(self._uploads.pop(upload).values())


@contextmanager
def served() -> Iterator[tuple[Store, str]]:
    """A store with one bucket, `BUCKET`, and its endpoint: a free port of loopback."""
    store = Store()

    class Handler(_Handler):
        stored = store

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield store, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    stored: Store
    protocol_version = "HTTP/1.1"
    # An answer leaves at once, and in one piece.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self._buffer = memoryview(bytearray(_PIECE_BYTES))

    def do_PUT(self) -> None:
        key, query = self._asked()
        size = self._dropped()
        if "uploadId" in query:
            self.stored.part(query["uploadId"], query["partNumber"], size)
        else:
            self.stored.put(key, size)
        self._answer("", {"ETag": _TAG})

    def do_POST(self) -> None:
        key, query = self._asked()
        self._dropped()
        if "uploads" in query:
            upload = self.stored.create()
            self._answer(_xml("InitiateMultipartUploadResult", UploadId=upload, Key="-"))
        elif "uploadId" in query:
            self.stored.complete(key, query["uploadId"])
            self._answer(_xml("CompleteMultipartUploadResult", ETag=_TAG, Key="-"))
        else:
            self.send_error(501)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a log takes time."""

    def _asked(self) -> tuple[str, dict[str, str]]:
        self.stored.now()
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        key = unquote(url.path).removeprefix(f"/{BUCKET}/")
        return key, {name: values[0] for name, values in query.items()}

    def _dropped(self) -> int:
        """Reads the body, and returns its size. A body that ends early is an error."""
        size = left = int(self.headers["Content-Length"])
        while left > 0:
            read = self.rfile.readinto(self._buffer[: min(left, _PIECE_BYTES)])
            if not read:
                raise ConnectionError(f"{left} bytes of a body of {size} never came")
            left -= read
        return size

    def _answer(self, body: str, headers: dict[str, str] | None = None) -> None:
        self.stored.now()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


def _xml(name: str, **fields: str) -> str:
    inner = "".join(f"<{field}>{value}</{field}>" for field, value in fields.items())
    return f"<{name}>{inner}</{name}>"
