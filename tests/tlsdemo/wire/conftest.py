"""Recorded conversations: a test that takes `capture` or `trace` runs once with each of them."""

from pathlib import Path

import pytest

from tests.tlsdemo.wire.support import Capture, Trace, captures, traces

CAPTURES = [
    "illustrated-tls12", "illustrated-tls13", "python-ssl-tls12", "python-ssl-tls13",
    "rfc8448-helloretryrequest_handshake", "rfc8448-resumed_0rtt_handshake", "rfc8448-simple_1rtt_handshake",
]  # fmt: skip
TRACES = [
    "rfc8448/simple_1rtt_handshake", "rfc8448/resumed_0rtt_handshake", "rfc8448/helloretryrequest_handshake",
    "draft/simple_1-rtt_handshake", "draft/helloretryrequest",
]  # fmt: skip


@pytest.fixture(scope="session")
def all_captures(shared_data: Path) -> dict[str, Capture]:
    """Of the data folder, by name."""
    return {capture.name: capture for capture in captures(shared_data)}


@pytest.fixture(params=CAPTURES)
def capture(request: pytest.FixtureRequest, all_captures: dict[str, Capture]) -> Capture:
    """Each of them."""
    return all_captures[request.param]


@pytest.fixture(scope="session")
def all_traces(shared_data: Path) -> dict[str, Trace]:
    """The examples of RFC 8448 and of its draft, by id."""
    return traces(shared_data)


@pytest.fixture(params=TRACES)
def trace(request: pytest.FixtureRequest, all_traces: dict[str, Trace]) -> Trace:
    """Each of them."""
    return all_traces[request.param]
