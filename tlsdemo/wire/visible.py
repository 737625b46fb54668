"""What an eavesdropper sees of a TLS conversation without any key (RFC 8446 §E, RFC 3552 §3.2)."""

from collections.abc import Iterator, Sequence

from pki.errors import printable
from tlsdemo import peer
from tlsdemo.protocol import Flight, Side
from tlsdemo.wire import first_flight, handshake, records

CERTIFICATE = 11


def visible(tape: Sequence[Flight]) -> tuple[str, ...]:
    """The visible facts of a recording, in sentences."""
    sent = {side: b"".join(flight.data for flight in tape if flight.sender is side) for side in Side}
    return tuple(_sentences(sent[Side.CLIENT], sent[Side.SERVER]))


def _sentences(client: bytes, server: bytes) -> Iterator[str]:
    if name := first_flight.server_name(client):
        yield f"the server name is in the clear (SNI, RFC 6066 §3): {printable(name)}"
    if inside := first_flight.protocols(client):
        yield f"the application protocols are in the clear (ALPN, RFC 7301): {peer.listed(inside)}"
    if certificate := _certificate(server):
        yield f"the server's certificate is in the clear, in TLS 1.2: {peer.describe(certificate).shown}"
    elif _answers(server) and b"\x17" in [raw[:1] for raw in records.raw_records(server)]:
        yield "no certificate is in the clear: TLS 1.3 encrypts it, or the server presents none"
    for side, stream in ((Side.CLIENT, client), (Side.SERVER, server)):
        sizes = [str(len(each.fragment)) for each in records.records(stream) if each.content_type == 23]
        if sizes:
            yield f"the lengths and times of the {side.value}'s records are visible: {', '.join(sizes)} bytes"


def _answers(stream: bytes) -> bool:
    """Whether the stream begins with a ServerHello: else its beginning is missing."""
    return stream[:1] == b"\x16" and stream[records.HEADER : records.HEADER + 1] == bytes([handshake.SERVER_HELLO])


def _certificate(stream: bytes) -> bytes | None:
    """The first certificate of a handshake in the clear, in DER (RFC 5246 §7.4.2); None if there is none."""
    clear = b"".join(each.fragment for each in records.records(stream) if each.content_type == records.HANDSHAKE)
    for message in handshake.messages(clear):
        if message.msg_type == CERTIFICATE:
            length = int.from_bytes(message.body[3:6])
            return message.body[6 : 6 + length]
    return None
