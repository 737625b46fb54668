"""A warning where a server listens on more than this machine. EDGE."""

import ipaddress
from collections.abc import Iterable

from pki.console import warn


def warn_if_exposed(hosts: Iterable[str]) -> None:
    """Warn if other machines can reach one of these bound addresses: keys and servers here are for tests."""
    reachable = [host for host in hosts if not _is_loopback(host)]
    if reachable:
        warn(
            f"listening on {', '.join(reachable)}: other machines can connect",
            "This program is for tests. It has no access control, and its keys lie unencrypted on this disk.",
            "Without a host it listens on 127.0.0.1 and ::1 alone.",
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
