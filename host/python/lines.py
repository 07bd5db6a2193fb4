"""Stores the lines of standard input with the Python package.

    python lines.py CONFIG < LINES

`CONFIG` is a file of JSON. Each write takes whole lines, about 1 MiB of them.
"""

import json
import sys

import spillway

with open(sys.argv[1], encoding="utf-8") as file:
    config = json.load(file)
source = sys.stdin.buffer
with spillway.open(config) as sink:
    while lines := source.read(1 << 20):
        sink.write("lines", lines + source.readline())
