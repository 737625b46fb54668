"""The same with real TLS, on real sockets: the good case, the line, the rogue, a client that does not look. EDGE."""

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
    """The good case, on a real socket."""
    screen = stage.screen
    screen.say("So far, the educational handshake. Now Python's `ssl`, on a real socket, with the same certificates.")
    with live(stage.server) as server:
        answer = say(server.address, stage)
        for event in server.conversation():
            match event:
                case Agreed(_, version, cipher, _):
                    screen.show("both agreed on", f"{version}, {cipher}")
                case Said(_, text):
                    screen.show("the server heard", text)
    screen.show("the client read", answer)
    claim(MESSAGE in answer, "the answer does not repeat the message")
    screen.good("Delivered and answered: first the proof, then the message.")


def what_the_wire_shows(stage: Stage) -> None:
    """The same conversation, with somebody listening on the line."""
    screen = stage.screen
    screen.say("The same again, and somebody listens:")
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
    claim(MESSAGE.encode() not in sent + came, "the message passed the line in the clear")
    screen.good("He learns who talks to whom, when, and how much. Not what.")


def _envelopes(stream: bytes) -> str:
    found = list(records(stream))
    kinds = dict.fromkeys(record.name for record in found)
    sizes = {kind: ", ".join(str(len(each.fragment)) for each in found if each.name == kind) for kind in kinds}
    return f"{len(found)} records, in bytes: " + "; ".join(f"{kind} {sizes[kind]}" for kind in kinds)


def _seen(what: bytes, where: bytes) -> str:
    return f"in the clear, at byte {where.index(what)}" if what in where else "not to be found"


def the_rogue(stage: Stage) -> None:
    """Another server, a perfect-looking certificate."""
    screen = stage.screen
    screen.say(
        "The rogue answers instead of the server, with the same certificate as before. Will OpenSSL find him out?"
    )
    received = None
    with live(stage.rogue) as server:
        try:
            say(server.address, stage)
        except ssl.SSLCertVerificationError as error:
            screen.show("the client says", errors.sentence(error))
        for event in server.conversation():
            if isinstance(event, Refused):
                received = event.application_bytes
                screen.show("the rogue hears", event.reason)
                screen.show("and received", f"{received} bytes of the message")
    claim(received == 0, "the rogue was not refused, or received something")
    screen.good("Refused, before a single byte of the message was sent.")


def nobody_checks(stage: Stage) -> None:
    """The same rogue, and a client that was told not to look."""
    screen = stage.screen
    screen.say("The same rogue again. But this client was told verify=False, because `it did not work otherwise`.")
    heard: str | None = None
    with live(stage.rogue) as server:
        say(server.address, stage, Verify.NOTHING_FOR_THE_DEMO)
        for event in server.conversation():
            match event:
                case Agreed(_, version, cipher, _):
                    screen.show("both agreed on", f"{version}, {cipher}")
                case Said(_, text):
                    heard = text
                    screen.show("the rogue heard", text)
    claim(heard == MESSAGE, "the rogue did not hear the message")
    screen.bad("The rogue wins. The cipher is as strong as before; it protects the talk with him.")


def spot_the_difference(stage: Stage) -> None:
    """`pki diff certs/root.pem certs/rogue/ca.pem`."""
    screen = stage.screen
    screen.say("Could a careful person have seen it?")
    shown = CERTS if stage.made_now is not None else stage.certs
    screen.command(f"pki diff {shown / 'root.pem'} {shown / 'rogue/ca.pem'}")
    fields = diff.difference(stage.root[0], read_certificates(stage.certs / "rogue/ca.pem")[0])
    screen.show("same", ", ".join(each.label for each in fields if each.same))
    different = {each.label for each in fields if not each.same}
    screen.show("different", ", ".join(each.label for each in fields if not each.same))
    claim(different <= diff.ARITHMETIC, "there is a difference that can be seen")
    imitation = read_certificates(stage.certs / "rogue/ca.pem")[0]
    claim(all(signature_holds(each, each) for each in (stage.root[0], imitation)), "a root does not verify")
    screen.show("each verifies itself", "both are signed with their own keys; arithmetic finds no fault in either")
    screen.good("Only prior knowledge tells them apart: the client has root.pem, or its fingerprint, from elsewhere.")
