"""How a conversation ended: normally, or with an alert; and the check of the certificate that explains it.

The alert names the reason of the side that sent it, often in one word. With trust anchors, this module judges the
presented chain as `pki verify` does, and names the check that fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from pki import Purpose, names
from pki.path import verify
from pki.verdict import Result
from tlsdemo import peer
from tlsdemo.wire.client_hello import ClientHello
from tlsdemo.wire.dissection import DissectedRecord, Dissection
from tlsdemo.wire.extensions import SERVER_NAME, ServerNameList
from tlsdemo.wire.fields import WireError, decode
from tlsdemo.wire.messages12 import CertificateTls12
from tlsdemo.wire.messages13 import Certificate
from tlsdemo.wire.records import Alert, Sender
from tlsdemo.wire.registry import ALERTS, name

CLOSE_NOTIFY, USER_CANCELED = 0, 90


@dataclass(frozen=True)
class Ending:
    """How the conversation ended."""

    failed: bool
    sentences: tuple[str, ...]
    hint: str = ""


@dataclass(frozen=True)
class Trust:
    """What the client trusts, if it is known here."""

    anchors: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    name: x509.GeneralName | None = None
    """The name that the client asks for; None for the one in ClientHello."""


def ending(found: Dissection, at: datetime, trust: Trust | None = None) -> Ending:
    """How it ended, and why."""
    alerts = [(each, each.value) for each in found.records if isinstance(each.value, Alert)]
    fatal = [(record, value) for record, value in alerts if value.description not in (CLOSE_NOTIFY, USER_CANCELED)]
    if fatal:
        return _refused(found, *fatal[0], at, trust)
    closed = [each.sender for each, value in alerts if value.description == CLOSE_NOTIFY]
    if closed:
        sides = " and ".join(dict.fromkeys(closed))
        return Ending(False, (f"normal: close_notify from {sides}",))
    hidden = sum(each.content is None for each in found.records)
    if hidden:
        return Ending(False, (f"unknown: {hidden} records are not decrypted, and an alert may be among them",))
    return Ending(False, ("without close_notify: the connection was cut, or the recording is incomplete",))


def _refused(found: Dissection, record: DissectedRecord, alert: Alert, at: datetime, trust: Trust | None) -> Ending:
    description = name(ALERTS, alert.description)
    place = found.records.index(record)
    before = [each for each in found.messages if each.sender != record.sender and each.records[-1] < place]
    sentences, hint = [], ""
    about = f"after {before[-1].header.name} of the {before[-1].sender}" if before else "before any message"
    if alert.description in CERTIFICATE_ALERTS and any(each.header.name == "Certificate" for each in before):
        about = f"about Certificate of the {before[-1].sender}"
    if record.sender == "client" and (ders := presented(found, "server")):
        fails, sentence, hint = _judged(ders, at, trust, _server_name(found))
        sentences.append(sentence)
        about = "about Certificate of the server" if fails else about
    if record.protection is None and any(each.protection for each in found.records):
        sentences.append("the alert is not encrypted: an attacker on the path could have sent it")
    refusal = f"the {record.sender} refused: alert {description} ({alert.description}), {about}"
    return Ending(True, (refusal, *sentences), hint)


CERTIFICATE_ALERTS = frozenset({42, 43, 44, 45, 46, 48, 116})
"""Alerts about a certificate (§6.2): bad_certificate to certificate_unknown, unknown_ca, certificate_required."""


def presented(found: Dissection, sender: Sender) -> tuple[bytes, ...]:
    """The certificate chain that a side presented, in DER; empty if none was read."""
    for message in found.messages:
        if message.sender == sender:
            match message.value:
                case Certificate(_, entries):
                    return tuple(entry.cert_data for entry in entries)
                case CertificateTls12(ders):
                    return ders
    return ()


def _judged(
    ders: Sequence[bytes], at: datetime, trust: Trust | None, server_name: x509.GeneralName | None
) -> tuple[bool, str, str]:
    """Whether a check of the chain fails, the first one in a sentence, and what to do."""
    loaded = [peer.load(der) for der in ders]
    unreadable = [each.why for each in loaded if isinstance(each, peer.Unreadable)]
    if unreadable:
        return True, f"the certificate cannot be read: {unreadable[0]}", ""
    chain = [each for each in loaded if not isinstance(each, peer.Unreadable)]
    verdict = peer.attempt(
        lambda: verify(
            chain[0],
            intermediates=chain[1:],
            trust_anchors=trust.anchors if trust else chain[-1:],
            name=(trust.name if trust else None) or server_name,
            purpose=Purpose.SERVER,
            at=at,
            crls=trust.crls if trust else (),
        )
    )
    if isinstance(verdict, peer.Unreadable):
        return True, f"the certificate cannot be judged: {verdict.why}", ""
    failed = next((check for check in verdict.checks if check.result is Result.FAILED), None)
    if failed is None:
        more = "" if trust else "; give --trust to check its chain"
        return False, f"the presented certificate passes every check made here{more}", ""
    return True, f"check {failed.name} fails: {failed.detail} ({failed.section})", failed.hint or ""


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
