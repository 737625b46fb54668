"""The options of `tlsdemo serve`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServeOptions:
    """The values of the options."""

    protocol: str
    group: str | None
    cipher: str | None
    alpn: str | None
    without: Sequence[str]
    story: bool
    explain: bool
    hosts: tuple[str, ...] | None
    port: int
    certs: Path
    credential: str
    cert: Path | None
    key: Path | None
    require_client_cert: bool
    keylog: Path | None
    capture: Path | None
    once: bool
    as_json: bool
