"""How a conversation ended: normally, or with an alert; and what explains it.

    alert --> the side that refused --> the certificate of its peer, judged   or   a deviation of its peer, in its bytes

The alert names the reason of the side that sent it, often in one word. `judgement` judges the presented chain as
`pki verify` does, and `deviations` reads the other messages. A chain that was accepted is judged, too, with the trust
anchors or the name that the user gives: a client that checks nothing accepts any chain.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from pki import Purpose, names
from tlsdemo.explain import deviations, proofs
from tlsdemo.explain.deviations import Deviation
from tlsdemo.explain.judgement import CERTIFICATE_ALERTS, CLIENT_CERTIFICATE, Judgement, Presented, Trust, judge
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import TLS13, DissectedMessage, DissectedRecord, Dissection
from tlsdemo.wire.extensions import SERVER_NAME, STATUS_REQUEST, ServerNameList
from tlsdemo.wire.fields import WireError, decode
from tlsdemo.wire.messages13 import Certificate
from tlsdemo.wire.records import CHANGE_CIPHER_SPEC, Alert, Sender
from tlsdemo.wire.registry import ALERTS, name

__all__ = ["Ending", "Trust", "ending"]

CLOSE_NOTIFY, USER_CANCELED = 0, 90
WARNING = 1
OTHER: Mapping[Sender, Sender] = {"client": "server", "server": "client"}


@dataclass(frozen=True)
class Ending:
    """How the conversation ended."""

    failed: bool
    sentences: tuple[str, ...]
    hint: str = ""


def ending(
    found: Dissection, checks: proofs.Checks, at: datetime, trust: Trust | None = None, side: Sender | None = None
) -> Ending:
    """How it ended, and why; `checks` are those of `proofs`. Deviations are told however it ended. The server's chain
    is judged if it was refused, and, if `trust` says how, also if it was accepted.

    `side` is the side that this program played; None for a capture.
    """
    deviating = tuple(deviations.found_in(found, checks))
    alerts = [(each, each.value) for each in found.records if isinstance(each.value, Alert)]
    fatal = [(record, value) for record, value in alerts if _is_fatal(value, found.version)]
    if fatal:
        return _refused(found, checks, deviating, *fatal[0], at, trust, side)
    closed = list(dict.fromkeys(each.sender for each, value in alerts if value.description == CLOSE_NOTIFY))
    hidden = sum(each.content is None for each in found.records)
    if len(closed) == 1:
        how = f"normal: close_notify from the {closed[0]} alone; the other side may go on to send (RFC 8446 §6.1)"
    elif closed:
        how = f"normal: close_notify from {' and '.join(closed)}"
    elif hidden:
        records = "1 record is" if hidden == 1 else f"{hidden} records are"
        how = f"unknown: {records} not decrypted, and an alert may be among them"
    else:
        how = "without close_notify: the connection was cut, or the recording is incomplete"
    missing = [] if closed or hidden else list(deviations.missing(found))
    judged = _accepted(found, at, trust) if trust and (trust.anchors or trust.name) else None
    sentences = (how, *(judged.sentences if judged else ()), *missing, *map(str, deviating))
    return Ending(False, sentences, judged.hint if judged else "")


def _accepted(found: Dissection, at: datetime, trust: Trust) -> Judgement | None:
    """The judgement of the server's chain in a conversation without a fatal alert; None if no chain was read."""
    presented = next((each for each in found.messages if each.sender == "server" and proofs.chain_of(each)), None)
    if presented is None:
        return None
    judged = _judged(found, presented, at, trust, None)
    if judged.fails and _went_on(found, presented.records[-1]):
        return replace(judged, sentences=(*judged.sentences, "the client accepted it all the same"))
    return judged


def _went_on(found: Dissection, place: int) -> bool:
    """Whether the client went on with the handshake after a record of the server's Certificate.

    In TLS 1.2, change_cipher_spec says so without the keys; in TLS 1.3 it has no meaning (§5).
    """
    finished = [each for each in found.messages if each.sender == "client" and each.header.name == "Finished"]
    changes = [each for each in found.records[place:] if (each.sender, each.content_type) == CLIENT_CHANGE]
    return any(each.records[0] > place for each in finished) or (found.version != TLS13 and bool(changes))


CLIENT_CHANGE = ("client", CHANGE_CIPHER_SPEC)


def _is_fatal(alert: Alert, version: int | None) -> bool:
    """Whether the alert ends the connection: TLS 1.3 ignores the level (§6); before, a warning does not end it."""
    is_warning = alert.level == WARNING and version != TLS13
    return alert.description not in (CLOSE_NOTIFY, USER_CANCELED) and not is_warning


def _refused(
    found: Dissection,
    checks: proofs.Checks,
    deviating: Sequence[Deviation],
    record: DissectedRecord,
    alert: Alert,
    at: datetime,
    trust: Trust | None,
    mine: Sender | None,
) -> Ending:
    side, place, what = record.sender, found.records.index(record), name(ALERTS, alert.description)
    other = OTHER[side]
    before = [each for each in found.messages if each.sender == other and each.records[-1] < place]
    reasons = [each for each in deviating if each.sender == other and each.record < place and each.rule.alert == what]
    is_of_certificate = what in CERTIFICATE_ALERTS
    presented = next((each for each in reversed(before) if each.header.name == "Certificate"), None)
    judged: Judgement | None = None
    if presented and presented.value and (is_of_certificate or not reasons):
        judged = _judged(found, presented, at, trust, what)
    if presented and (is_of_certificate or (judged and judged.fails)):
        about = f"about Certificate of the {other}"
    elif reasons:
        about = f"about {reasons[0].what} of the {other}"
    else:
        about = f"after {before[-1].header.name} of the {other}" if before else _without_answer(found, side, place)
    too_long = deviations.too_long(found, other) if what == "record_overflow" and not reasons else ""
    if too_long:
        about = f"about a record of the {other}"
    how = "ended the connection" if _is_unanswered(found, side, place) and not too_long else "refused"
    sentences = [f"the {side} {how}: alert {what} ({alert.description}), {about}"]
    sentences += judged.sentences if judged else ()
    hint = judged.hint if judged else ""
    if judged and trust and trust.anchors and side != mine and presented and proofs.chain_of(presented):
        if not judged.fails and is_of_certificate:
            others = "trusts others" if what == UNKNOWN_CA else "may trust others, or make other checks"
            sentences.append(f"the chain is valid with the trust anchors that are given here; the {side} {others}")
            hint = GIVE_ROOT[side] if what == UNKNOWN_CA else hint
        elif judged.fails and side == "server":
            sentences.append("judged with the trust anchors that are given here; the server may trust others")
    sentences += map(str, [*reasons, *(each for each in deviating if each not in reasons)])
    if too_long:
        sentences.append(too_long)
    elif not reasons and not (judged and judged.fails):
        sentences += _evidence(found, checks, before, place, what)
    if side != mine and record.protection is None:
        sentences.append("the alert is not encrypted: an attacker on the path could have sent it")
    return Ending(True, tuple(sentences), hint)


def _sent_before(found: Dissection, side: Sender, place: int) -> list[DissectedMessage]:
    """The messages of a side before a record."""
    return [each for each in found.messages if each.sender == side and each.records[-1] < place]


UNKNOWN_CA = "unknown_ca"
GIVE_ROOT: Mapping[Sender, str] = {
    "client": "give the client your root CA certificate: `pki env` prints how",
    "server": "give the server, as a trust anchor, the root CA certificate of the client's chain",
}
"""What to do, by the side that refuses a chain that is valid here."""


def _is_unanswered(found: Dissection, side: Sender, place: int) -> bool:
    """Whether a side had sent a message before a record, and the other side no record."""
    return bool(_sent_before(found, side, place)) and all(each.sender == side for each in found.records[:place])


def _without_answer(found: Dissection, side: Sender, place: int) -> str:
    """Where an alert of a side is if no message of the other side was read before it."""
    other, sent = OTHER[side], _sent_before(found, side, place)
    where = f"after {sent[-1].header.name}" if sent else "before any message"
    if found.left_over.get(other):
        return f"{where}; the {other} sent bytes that are not a whole record of TLS"
    if any(each.sender == other for each in found.records[:place]):
        return f"{where}; no message of the {other} was read before it"
    return f"{where}; the {other} sent nothing"


def _judged(
    found: Dissection, presented: DissectedMessage, at: datetime, trust: Trust | None, alert: str | None
) -> Judgement:
    """The judgement of the chain in a message."""
    ders = proofs.chain_of(presented)
    if not ders:
        sentence = f"the {presented.sender} sent no certificate, and the {OTHER[presented.sender]} requires one"
        hint = f"give the client a certificate: {CLIENT_CERTIFICATE}" if presented.sender == "client" else ""
        section = "RFC 8446 §4.4.2.4" if found.version == TLS13 else "RFC 5246 §7.4.6"
        return Judgement(True, (f"{sentence} ({section})",), hint)
    purpose = Purpose.CLIENT if presented.sender == "client" else Purpose.SERVER
    stapled = any(each.header.name == "CertificateStatus" for each in found.messages) or (
        isinstance(presented.value, Certificate)
        and any(entry.extension(STATUS_REQUEST) for entry in presented.value.certificate_list)
    )
    presented_as = Presented(ders, purpose, _server_name(found), stapled)
    return judge(presented_as, at, trust, alert)


def _server_name(found: Dissection) -> x509.GeneralName | None:
    """The host name in ClientHello; None without one, or if it is not a name."""
    for message in found.messages:
        if isinstance(message.value, ClientHello):
            try:
                listed = decode(ServerNameList, message.value.extension(SERVER_NAME) or b"").server_name_list
                return names.reference(listed[0].name.decode("ascii", "replace"))
            except (WireError, names.InvalidName):
                return None
    return None


# What the bytes show if neither a certificate nor a deviation explains the alert -------------------------------------

MEANINGS = {
    "unexpected_message": "a message was not allowed at that point",
    "bad_record_mac": "a record did not decrypt",
    "record_overflow": "a record was longer than §5.1 and §5.2 allow",
    "handshake_failure": "the two sides have no common combination of version, cipher suite, group and signature "
    "scheme",
    "bad_certificate": "a certificate was malformed, or one of its signatures or another check failed",
    "unsupported_certificate": "the side that refused does not accept certificates of that type, or for that purpose",
    "certificate_revoked": "a certificate was revoked by its issuer",
    "certificate_expired": "a certificate has expired, or is not valid yet",
    "certificate_unknown": "a certificate was not accepted, for a reason that the alert does not tell",
    "illegal_parameter": "a value in a message is not allowed, or contradicts another one",
    "unknown_ca": "the side that refused found no path to a CA that it trusts",
    "access_denied": "the certificate or the PSK is valid, and the side that refused does not grant access to it",
    "decode_error": "a message does not have the form that its type requires; OpenSSL also sends it if the connection "
    "ends within the handshake",
    "decrypt_error": "a signature or a Finished was not valid",
    "protocol_version": "no version of TLS is supported by both sides",
    "insufficient_security": "everything that the peer offers is too weak",
    "internal_error": "the side that sent the alert had an error of its own",
    "inappropriate_fallback": "the client connected again with an older version, although the server has a newer one",
    "missing_extension": "an extension that is required was missing",
    "unsupported_extension": "an extension was not allowed in that message",
    "unrecognized_name": "the server does not know the server_name of ClientHello",
    "bad_certificate_status_response": "the OCSP response of the server was invalid or not accepted",
    "unknown_psk_identity": "the server does not know the PSK that the client offers",
    "certificate_required": "the server requires a certificate of the client",
    "no_application_protocol": "no application protocol is supported by both sides",
}
"""What an alert says (§6.2)."""
OPENSSL_CERTIFICATE = 100 * 1024  # bytes of a Certificate message that OpenSSL accepts by default


def _evidence(
    found: Dissection, checks: proofs.Checks, before: Sequence[DissectedMessage], place: int, alert: str
) -> Iterator[str]:
    """The meaning of the alert, and what fits it."""
    sender = found.records[place].sender
    if alert == "decode_error" and _is_unanswered(found, sender, place):
        yield f"the {OTHER[sender]} closed the connection or sent no TLS: OpenSSL reports that with this alert"
    elif alert in MEANINGS:
        yield f"{alert} means: {MEANINGS[alert]} (RFC 8446 §6.2)"
    hello = next((each.value for each in found.messages if isinstance(each.value, ClientHello)), None)
    if alert == "handshake_failure" and hello:
        yield f"ClientHello offers {deviations.offer(hello)}"
    for each in before:
        if each.header.name == "Certificate" and len(each.raw) > OPENSSL_CERTIFICATE:
            yield f"Certificate has {len(each.raw):,} bytes; OpenSSL accepts {OPENSSL_CERTIFICATE:,} by default"
    if alert == "bad_record_mac":
        yield from _unreadable(found, before, place)
    yield from deviations.missing(found)
    if alert == "decrypt_error" and before:
        yield from _signatures(found, checks, before)


def _unreadable(found: Dissection, before: Sequence[DissectedMessage], place: int) -> Iterator[str]:
    """The first record that did not decrypt here, either, although its key is known."""
    other = OTHER[found.records[place].sender]
    numbered = enumerate(found.records[:place], start=1)
    sent = ((number, each) for number, each in numbered if each.sender == other and each.problem)
    number, broken = next(sent, (0, None))
    if broken is None or not broken.problem or not broken.problem.startswith("does not decrypt"):
        return
    yield f"record {number} of the {other} {broken.problem} (RFC 8446 §5.2)"
    if found.version == TLS13 and not any(each.header.name == "Finished" for each in before):
        yield f"the {other} sent no Finished before it; application data needs one (RFC 8446 §4.4.4)"


def _signatures(found: Dissection, checks: proofs.Checks, before: Sequence[DissectedMessage]) -> Iterator[str]:
    """Whether the signatures of the handshake are valid: then the alert is about one in a certificate."""
    numbers = [number for number, each in enumerate(found.messages) if any(each is one for one in before)]
    made = [proof.passed for number in numbers for proof in checks.get(number, ())]
    if made and all(made):
        yield (
            f"every signature and Finished that the {before[-1].sender} sent is valid, computed here: the alert can be "
            "about the signature in a certificate"
        )
