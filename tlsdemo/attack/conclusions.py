"""What the man in the middle says of a conversation: what he read, and how it ended."""

import ssl

from pki.errors import printable
from tlsdemo.attack.interceptor import Interceptor, Read
from tlsdemo.edu.errors import ProtocolError, Violation
from tlsdemo.protocol import Endpoint, Side
from tlsdemo.tls import errors
from tlsdemo.tls.endpoint import TlsEndpoint


def told(read: Read) -> str:
    """What the attacker read, and what was passed on if it differs; the first SHOWN bytes of each."""
    said = quoted(read.said)
    if read.said == read.passed_on:
        return f"READ from the {read.sender.value}: {said}"
    if not read.passed_on:
        return f"READ from the {read.sender.value}: {said}; not passed on"
    return f"READ from the {read.sender.value}: {said}, PASSED ON as {quoted(read.passed_on)}"


SHOWN = 2000  # bytes


def quoted(said: bytes) -> str:
    """Application bytes as text in quotes, escaped; of many bytes the first, and how many there are."""
    text = printable(repr(said[:SHOWN].decode("utf-8", "replace")))
    return text if len(said) <= SHOWN else f"{text}… ({len(said)} bytes)"


def conclusion(attacker: Interceptor) -> str:
    """How it ended, and who noticed."""
    if attacker.gave_up:
        return "given up: more came from one side than can be held until the other side's handshake is done"
    refused, upstream = (_error(attacker.facing[side]) for side in (Side.CLIENT, Side.SERVER))
    if not attacker.read[Side.CLIENT]:
        return f"{_why(refused) if refused else _silence(attacker)}; read: nothing"
    if upstream and is_alert(upstream):
        return f"the client noticed nothing; the server let nobody in: {sentence(upstream)}"
    if refused:
        return (
            f"read, and then {'the client gave up' if is_alert(refused) else 'the line was cut'}: {sentence(refused)}"
        )
    if upstream:
        return f"the line was cut, before both had said all: {sentence(upstream)}"
    return "the channel has told neither of them: each has talked to him"


def _error(facing: Endpoint) -> Exception | None:
    """Its error, with the first bytes as evidence where they cannot be TLS."""
    if isinstance(facing, TlsEndpoint) and isinstance(facing.error, OSError) and not facing.accepted:
        return errors.with_evidence(facing.error, facing.first)
    return facing.error


def _silence(attacker: Interceptor) -> str:
    done = attacker.facing[Side.CLIENT].accepted
    return f"the client left without a word{', after its handshake' if done else ''}"


def _why(error: Exception) -> str:
    return f"{'REFUSED by the client' if is_alert(error) else 'they did not come together'}: {sentence(error)}"


def is_alert(error: Exception) -> bool:
    """Whether the other side said that it refuses; all else was found on his own side."""
    if isinstance(error, ProtocolError):
        return error.violation is Violation.ALERT
    return isinstance(error, ssl.SSLError) and errors.alert(error) is not None


def sentence(error: Exception) -> str:
    """What happened."""
    if isinstance(error, ProtocolError) and error.violation is Violation.ALERT:
        return f"alert {printable(error.detail)}"
    return printable(errors.sentence(error) if isinstance(error, OSError) else str(error))
