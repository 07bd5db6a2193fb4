"""The results as the tables of `docs/hosts.md`."""

from __future__ import annotations

import os
import platform
import re
from datetime import date
from typing import Any

from .hosts import ROOT, Failed

PAGE = ROOT / "docs/hosts.md"
_BEGIN = "<!-- begin measured: written by host/measure --write -->\n"
_END = "<!-- end measured -->\n"


def machine() -> dict[str, Any]:
    """When and where it is measured, and what else the machine does before."""
    return {
        "date": date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()}, {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
    }


def section(
    result: dict[str, Any], requests: list[str], lines: list[str], usual: tuple[str, str]
) -> str:
    """All that is between the marks."""
    hosts = result["hosts"]
    rates = {
        (host["name"], rate["requests"], rate["lines"]): rate["mb_per_second"]
        for host in hosts
        for rate in host["throughput"]
    }
    throughput = _table(
        ["Requests", "Lines", *(host["title"] for host in hosts)],
        [
            [kind, length, *(f"{rates[host['name'], kind, length]:.0f}" for host in hosts)]
            for kind in requests
            for length in lines
        ],
    )
    costs = _table(
        ["Host", "First start", "Later starts", "Memory", "CPU time of 1 GB", "Runs on"],
        [
            [
                host["title"],
                f"{host['start_cold_seconds']:.2f} s",
                f"{host['start_warm_seconds']:.2f} s",
                f"{host['memory_bytes'] / 1e6:.0f} MB",
                f"{host['cpu_seconds_per_gb']:.1f} s",
                host["version"],
            ]
            for host in hosts
        ],
    )
    options = "".join(
        f" --{name} {result[name]}"
        for name, default in (("mib", 512), ("rounds", 3))
        if result[name] != default
    )
    return (
        f"`host/measure --write{options}`, {result['date']}: {result['processor']}, "
        f"{result['cores']} cores, {result['system']}; load {result['load']} before it began. "
        f"{result['mib']} MiB a run, medians of {result['rounds']} rounds.\n\n"
        f"MB a second (1 MB is 1,000,000 bytes), from the first request until all is stored:\n\n"
        f"{throughput}\n"
        f"Start, and what else a run takes, with {usual[0]}, lines of {usual[1]}:\n\n{costs}"
    )


def around() -> tuple[str, str]:
    """What is before the tables in the page, and what is behind them; with the marks."""
    said = PAGE.read_text(encoding="utf-8")
    before, begin, rest = said.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        mark = (_END if begin else _BEGIN).strip()
        raise Failed(f"{PAGE.relative_to(ROOT)} has no line `{mark}`")
    return before + begin, end + after


def write(around: tuple[str, str], section: str) -> None:
    """Puts the tables into the page."""
    before, after = around
    PAGE.write_text(f"{before}\n{section}\n{after}", encoding="utf-8")


def _table(head: list[str], rows: list[list[str]]) -> str:
    def line(cells: list[str]) -> str:
        return f"| {' | '.join(cells)} |\n"

    return line(head) + "|---" * len(head) + "|\n" + "".join(map(line, rows))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = re.search(r"^model name\s*: (.+)$", file.read(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or "unknown processor"
