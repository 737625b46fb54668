"""`tlsdemo connect` over the educational handshake: one conversation, or why there was none. EDGE."""

import time
from typing import NoReturn

from pki import names
from pki.console import remark
from pki.errors import ExitCode, Problem, printable
from tlsdemo import net, peer
from tlsdemo.cli.protocol_options import Claims, educational, party
from tlsdemo.cli.target import ConnectOptions, Target, Wants, presented, print_answer, resolve, tell
from tlsdemo.edu import client
from tlsdemo.edu.errors import ProtocolError, Violation, alert
from tlsdemo.edu.explain import Teller
from tlsdemo.edu.machine import Machine, Moment, Watch, cipher_suite, nobody_watches
from tlsdemo.protocol import Protection, Side
from tlsdemo.tls import errors

PATIENCE = 30.0  # seconds for the message and the whole of the answer

HINTS = {
    Violation.OTHER_RUNG: "start both with the same --protocol",
    Violation.OTHER_GROUP: "start both with the same --group",
    Violation.IS_TLS: "a TLS server listens there: --protocol tls",
    Violation.NOT_JSON: "is the port right, and is it an educational server that listens there?",
    Violation.BAD_SIGNATURE: "whoever answers shows a certificate whose key it has not",
    Violation.BAD_FINISHED: "somebody on the line changes messages: `tlsdemo eavesdrop` shows what passes",
    Violation.BAD_RECORD: "somebody on the line changes records: `tlsdemo eavesdrop` shows what passes",
    Violation.FORGED: errors.VERIFY_CODES[7].hint,
}
FROM_ALERT = {
    "protocol_version": "if both are yours, start both with the same --protocol",
    "handshake_failure": "start both with the same --group",
    "certificate_required": "show one: --cert certs/client.pem",
}
NOT_SENT, SENT = "sent:       no application byte", "sent:       the message, before this came"
ANY = "`--explain` tells each step up to here"


def connect_over_edu(settings: ConnectOptions, claims: Claims, message: str) -> None:
    """Say the message, and print the answer. A Problem says why not."""
    if settings.keylog:
        raise Problem("--keylog is for TLS", hint="--explain shows the keys' origin", code=ExitCode.USAGE)
    known = resolve(settings, _wants(claims))
    if Protection.REVOCATION in claims and not known.crls:
        claims -= {Protection.REVOCATION}
        remark(f"not checked: whether it was revoked; there is no crl.pem beside {known.trust_file}")
    watch = _telling() if settings.explain else nobody_watches
    protocol = educational(claims, Side.CLIENT, group=settings.group, story=settings.story, watch=watch)
    with net.dial(known.address) as plain:
        if settings.explain:
            _tell_line(plain.getpeername()[0], known, claims)
        endpoint = protocol.client(party(known.credential, known.anchors, known.crls, known.name))
        assert isinstance(endpoint, Machine)
        link = net.Link(plain, endpoint)
        said = False
        try:
            link.handshake(time.monotonic() + net.HANDSHAKE_DEADLINE)
            remark(_agreement(endpoint, claims))
            said = endpoint.error is None  # an alert may have come with Finished, in one piece
            answer = client.ask(link, message, PATIENCE)
        except ProtocolError as error:
            _refuse(known, endpoint, error, SENT if said else NOT_SENT)
        except TimeoutError:
            raise Problem(f"{known.address} says nothing", "it was waited for in vain", hint=ANY) from None
        except OSError:
            _hung_up(known, endpoint)
        except client.AnswerTooLong:
            fact, evidence = f"{known.address} answers without end", "more than a megabyte was read"
            raise Problem(fact, evidence, hint="is it a server of ours?", code=ExitCode.NO) from None
    remark(f"sent: {printable(message)}")
    print_answer(answer)


def _wants(claims: Claims) -> Wants:
    if Protection.CLIENT_IDENTITY in claims:
        return Wants.TRUST_AND_A_CERTIFICATE
    return Wants.TRUST if Protection.CHAIN in claims else Wants.NOTHING


def _agreement(endpoint: Machine, claims: Claims) -> str:
    agreed = f"agreed on {endpoint.negotiated['version']}, {cipher_suite(endpoint.negotiated)}"
    if not endpoint.peer_chain:
        return f"{agreed}; the server proved nothing"
    who = peer.describe(endpoint.peer_chain[0]).shown
    if Protection.CHAIN in claims and Protection.POSSESSION in claims:
        return f"{agreed}; the server proved to be {who}"
    if Protection.CHAIN in claims:
        return f"{agreed}; the server presents a certificate of {who}: it did not prove to have the key"
    return f"{agreed}; the server says that it is {who}: nobody was asked whether that is true"


# Refusals -----------------------------------------------------------------------------------------------------------


def _refuse(known: Target, endpoint: Machine, error: ProtocolError, sent: str) -> NoReturn:
    """It ended with a violation: theirs, or what they say was ours."""
    if error.violation is Violation.TRUNCATED:
        _hung_up(known, endpoint)
    if error.violation is Violation.ALERT:
        hint = FROM_ALERT.get(alert(error) or "", "it says why; its own terminal says more")
        fact = f"{known.address} refuses us: alert {printable(error.detail)}"
        whose = [] if endpoint.accepted else ["(before Finished nothing proves who said that: anybody on the line can)"]
        raise Problem(fact, *whose, sent, hint=hint, code=ExitCode.NO) from None
    check = error.check
    evidence = [f"violation:  {error.violation.sentence} ({error.violation.section})"]
    if check:
        evidence = [
            f"check:      {check.name} ({check.section})",
            f"asked for:  {names.plain(known.name)}",
            f"trusting:   {known.trust_file}",
        ]
    if endpoint.peer_chain:
        evidence += presented(peer.describe(endpoint.peer_chain[0]))
    hint = HINTS.get(error.violation) or (check and check.hint) or ANY
    because = printable(check.detail if check else str(error))
    raise Problem(f"{known.address} is refused: {because}", *evidence, sent, hint=hint, code=ExitCode.NO) from None


def _hung_up(known: Target, endpoint: Machine) -> NoReturn:
    evidence = "whatever came may be incomplete" if endpoint.accepted else "before anything was agreed on"
    hint = "is it an educational server that listens there, or one of --protocol tls? its own terminal may say why"
    raise Problem(f"{known.address} hung up", f"{evidence} (RFC 8446 §6.1)", hint=hint) from None


# Telling ------------------------------------------------------------------------------------------------------------


def _tell_line(host: str, known: Target, claims: Claims) -> None:
    tell(
        "the line",
        f"TCP to {host}, port {known.address.port}. Nobody has proved anything yet, and whoever sits "
        "on the path can read and change every byte.",
    )
    if known.anchors and Protection.CHAIN in claims:
        tell("known beforehand", f"{known.trust_file}. It did not come over this line: that makes it worth something.")
    elif Protection.POSSESSION in claims or Protection.SECRECY in claims:
        tell("known beforehand", "nothing: all that we shall know of each other will have come over this line.")


def _telling() -> Watch:
    teller = Teller()

    def watch(machine: Machine, moment: Moment) -> None:
        remark("")
        for label, sentence in teller.tell(machine, moment):
            tell(label, sentence)

    return watch
