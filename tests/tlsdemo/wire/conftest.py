"""Captures of other people's conversations: parametrised by whoever asks for `capture`."""

from pathlib import Path

import pytest

from tests.tlsdemo.wire.support import Capture, captures

CAPTURES = [
    "illustrated-tls12", "illustrated-tls13", "python-ssl-tls12", "python-ssl-tls13",
    "rfc8448-helloretryrequest_handshake", "rfc8448-resumed_0rtt_handshake", "rfc8448-simple_1rtt_handshake",
]  # fmt: skip


@pytest.fixture(scope="session")
def all_captures(shared_data: Path) -> dict[str, Capture]:
    """Of the data folder, by name."""
    return {capture.name: capture for capture in captures(shared_data)}


@pytest.fixture(params=CAPTURES)
def capture(request: pytest.FixtureRequest, all_captures: dict[str, Capture]) -> Capture:
    """Each of them."""
    return all_captures[request.param]
