"""The result of a man in the middle, in words: what the attacker read, and how the conversation ended."""

import ssl

from pki.errors import printable
from tlsdemo.attack.interceptor import Interceptor, Read
from tlsdemo.protocol import Endpoint, Side
from tlsdemo.tls import errors
from tlsdemo.tls.endpoint import TlsEndpoint
from tlsdemo.violations import ProtocolError, Violation


def told(read: Read) -> str:
    """The data that the attacker read, and the data that it sent on if they differ; at most SHOWN bytes of each."""
    said = quoted(read.said)
    if read.said == read.passed_on:
        return f"READ from the {read.sender.value}: {said}"
    if not read.passed_on:
        return f"READ from the {read.sender.value}: {said}; not sent on"
    return f"READ from the {read.sender.value}: {said}, SENT ON as {quoted(read.passed_on)}"


SHOWN = 2000  # bytes


def quoted(said: bytes) -> str:
    """Application data as quoted, escaped text; longer data are cut after SHOWN bytes, and their length is added."""
    text = printable(repr(said[:SHOWN].decode("utf-8", "replace")))
    return text if len(said) <= SHOWN else f"{text}… ({len(said)} bytes)"


def conclusion(attacker: Interceptor) -> str:
    """How the conversation ended, and which side noticed the attack."""
    if attacker.gave_up:
        return (
            "ended by the attacker: one side sent too much data before the handshake with the other side was complete"
        )
    refused, upstream = (_error(attacker.facing[side]) for side in (Side.CLIENT, Side.SERVER))
    if not attacker.read[Side.CLIENT]:
        return f"{_why(refused) if refused else _silence(attacker)}; read: nothing"
    if upstream and is_alert(upstream):
        return f"the client noticed nothing; the server refused the attacker: {sentence(upstream)}"
    if refused:
        how = "the client refused" if is_alert(refused) else "the connection to the client failed"
        return f"read, and then {how}: {sentence(refused)}"
    if upstream:
        return f"read, and then the connection to the server failed: {sentence(upstream)}"
    return "neither side noticed: both talked to the attacker"


def _error(facing: Endpoint) -> Exception | None:
    """The endpoint's error, with the first bytes as evidence if they are not TLS."""
    if isinstance(facing, TlsEndpoint) and isinstance(facing.error, OSError) and not facing.accepted:
        return errors.with_evidence(facing.error, facing.first)
    return facing.error


def _silence(attacker: Interceptor) -> str:
    done = attacker.facing[Side.CLIENT].accepted
    return f"the client closed {'after' if done else 'during'} its handshake, without sending data"


def _why(error: Exception) -> str:
    return (
        f"{'REFUSED by the client' if is_alert(error) else 'the handshake with the client failed'}: {sentence(error)}"
    )


def is_alert(error: Exception) -> bool:
    """Whether the error is an alert from the peer; other errors were detected by the attacker's own endpoint."""
    if isinstance(error, ProtocolError):
        return error.violation is Violation.ALERT
    return isinstance(error, ssl.SSLError) and errors.alert(error) is not None


def sentence(error: Exception) -> str:
    """The error in words, escaped."""
    if isinstance(error, ProtocolError) and error.violation is Violation.ALERT:
        return f"alert {printable(error.detail)}"
    return printable(errors.sentence(error) if isinstance(error, OSError) else str(error))
