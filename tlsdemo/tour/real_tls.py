"""Real TLS on real sockets: the good case, an eavesdropper, the rogue certificate, a client without checks. EDGE."""

import ssl

from cryptography.hazmat.primitives.serialization import Encoding

from pki.console import CERTS
from pki.objects.signatures import signature_holds
from pki.show import diff
from pki.store.files import read_certificates
from tlsdemo import net
from tlsdemo.events import Agreed, Refused, Said
from tlsdemo.protocol import Side
from tlsdemo.tls import errors
from tlsdemo.tls.context import Verify
from tlsdemo.tour.stage import MESSAGE, Stage, claim, live, say
from tlsdemo.wire.records import records


def server_and_client_talk(stage: Stage) -> None:
    """TLS without an attacker."""
    screen = stage.screen
    screen.say(
        """So far, the handshake was the educational one. Now Python's `ssl` runs on a real socket, with the same
        certificates."""
    )
    with live(stage.server) as server:
        answer = say(server.address, stage)
        for event in server.conversation():
            match event:
                case Agreed(_, version, cipher, _):
                    screen.show("negotiated", f"{version}, {cipher}")
                case Said(_, text):
                    screen.show("the server received", text)
    screen.show("the client received", answer)
    claim(MESSAGE in answer, "the answer does not repeat the message")
    screen.good("Delivered and answered. The server proved its identity before the client sent the message.")


def what_the_wire_shows(stage: Stage) -> None:
    """The same conversation, with an eavesdropper."""
    screen = stage.screen
    screen.say("The same conversation, with an eavesdropper:")
    with live(stage.server) as server, net.Tap(server.address) as tap:
        say(net.Address("127.0.0.1", tap.port), stage)
        server.conversation()
    sent, came = tap.bytes_from(Side.CLIENT), tap.bytes_from(Side.SERVER)
    screen.show("from the client", _envelopes(sent))
    screen.show("from the server", _envelopes(came))
    length = len(MESSAGE.encode()) + 1 + 1 + 16  # + newline + inner content type (RFC 8446 §5.2) + AEAD tag
    for record in records(sent):
        if record.content_type == 23 and len(record.fragment) == length:
            screen.show("its record", f"17 03 03 {length:04x}  {record.fragment[:12].hex(' ')} …")
            screen.show("", f"17: data; 03 03: legacy version (§5.1); {length:04x}: {length} bytes; then ciphertext")
    screen.show("the message", _seen(MESSAGE.encode(), sent + came))
    screen.show("the name asked for", _seen(stage.name.encode(), sent))
    der = stage.server.certificate.public_bytes(Encoding.DER)
    screen.show("the certificate", _seen(der, sent + came))
    claim(MESSAGE.encode() not in sent + came, "the message was sent in the clear")
    screen.good(
        "An eavesdropper learns who talks to which server, when, and how many bytes. It does not learn the content."
    )


def _envelopes(stream: bytes) -> str:
    found = list(records(stream))
    kinds = dict.fromkeys(record.name for record in found)
    sizes = {kind: ", ".join(str(len(each.fragment)) for each in found if each.name == kind) for kind in kinds}
    return f"{len(found)} records, in bytes: " + "; ".join(f"{kind} {sizes[kind]}" for kind in kinds)


def _seen(what: bytes, where: bytes) -> str:
    return f"in the clear, at byte {where.index(what)}" if what in where else "not visible"


def the_rogue(stage: Stage) -> None:
    """A server with the rogue certificate."""
    screen = stage.screen
    screen.say("The attacker answers instead of the server, with the rogue certificate. Does OpenSSL refuse it?")
    received = None
    with live(stage.rogue) as server:
        try:
            say(server.address, stage)
        except ssl.SSLCertVerificationError as error:
            screen.show("the client reports", errors.sentence(error))
        for event in server.conversation():
            if isinstance(event, Refused):
                received = event.application_bytes
                screen.show("the attacker sees", event.reason)
                screen.show("and received", f"{received} bytes of the message")
    claim(received == 0, "the rogue certificate was accepted, or the attacker received something")
    screen.good("Refused before any byte of the message was sent.")


def without_checks(stage: Stage) -> None:
    """The rogue certificate, and a client without any check."""
    screen = stage.screen
    screen.say(
        "The attacker presents the same rogue certificate, but this client has all checks switched off, as with "
        "verify=False."
    )
    heard: str | None = None
    with live(stage.rogue) as server:
        say(server.address, stage, Verify.NOTHING_FOR_THE_DEMO)
        for event in server.conversation():
            match event:
                case Agreed(_, version, cipher, _):
                    screen.show("negotiated", f"{version}, {cipher}")
                case Said(_, text):
                    heard = text
                    screen.show("attacker reads", text)
    claim(heard == MESSAGE, "the attacker did not receive the message")
    screen.bad("The attack succeeds. The cipher is as strong as before, but the attacker has the key.")


def spot_the_difference(stage: Stage) -> None:
    """`pki diff certs/root.pem certs/rogue/ca.pem`."""
    screen = stage.screen
    screen.say("Could a careful person have seen the difference?")
    shown = CERTS if stage.made_now is not None else stage.certs
    screen.command(f"pki diff {shown / 'root.pem'} {shown / 'rogue/ca.pem'}")
    fields = diff.difference(stage.root[0], read_certificates(stage.certs / "rogue/ca.pem")[0])
    screen.show("same", ", ".join(each.label for each in fields if each.same))
    different = {each.label for each in fields if not each.same}
    screen.show("different", ", ".join(each.label for each in fields if not each.same))
    claim(different <= diff.ARITHMETIC, "the two roots differ in a field that a person can tell apart")
    imitation = read_certificates(stage.certs / "rogue/ca.pem")[0]
    claim(all(signature_holds(each, each) for each in (stage.root[0], imitation)), "a root's own signature is wrong")
    screen.show("self-signatures", "both are valid: each root is signed with its own key")
    screen.good("Only prior knowledge tells them apart: the client already has root.pem, or its fingerprint.")
    screen.say("`pki show` prints the fingerprint.")
