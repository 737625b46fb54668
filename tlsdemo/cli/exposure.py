"""A warning if other machines can connect to a server. EDGE."""

import ipaddress
from collections.abc import Iterable

from pki.console import warn


def warn_if_exposed(hosts: Iterable[str]) -> None:
    """Warn if other machines can connect to one of these bound addresses. Keys and servers are for tests only."""
    reachable = [host for host in hosts if not _is_loopback(host)]
    if reachable:
        warn(
            f"listening on {', '.join(reachable)}: other machines can connect",
            "This program is for tests: it has no access control, and its keys are stored unencrypted.",
            "By default it listens only on 127.0.0.1 and ::1.",
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
