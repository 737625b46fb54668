"""Why a side refused the certificate chain of its peer: judged as `pki verify` judges it, in sentences.

    anchors known:      leaf <- ... <- trust anchor of the side that refused
    anchors not known:  leaf <- ... <- the last certificate that was sent, taken as the trust anchor

Where something is not known (the anchors, the name that the client asked for, the revocation status), the sentences say
so. Not here: which alert was sent, and by which side (`failure`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509

from pki import PathProfile, Purpose, Verdict, names
from pki.path import constraints, verify
from pki.path.strength import BROKEN_HASHES
from pki.verdict import Check, Result
from tlsdemo import peer


@dataclass(frozen=True)
class Trust:
    """What is known about the side that judges the chain."""

    anchors: tuple[x509.Certificate, ...]
    """Empty if they are not known."""
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    name: x509.GeneralName | None = None
    """The name that the client asks for; None for the one in ClientHello."""


@dataclass(frozen=True)
class Judgement:
    """What was found, the most telling first, and what to do."""

    fails: bool
    """Whether a check fails."""
    sentences: tuple[str, ...]
    hint: str = ""


CERTIFICATE_ALERTS = frozenset({
    "bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown",
    "unknown_ca", "certificate_required",
})  # fmt: skip
"""The alerts about a certificate (RFC 8446 §6.2)."""
ABOUT: dict[str, frozenset[str]] = {
    "unsupported_certificate": frozenset({"purpose", "signing", "key usage", "schemes", "strength"}),
    "certificate_revoked": frozenset({"revocation"}),
    "certificate_expired": frozenset({"dates"}),
    "unknown_ca": frozenset({"chain", "authorities", "path length"}),
}
"""The checks that an alert is about (§6.2); the other alerts do not tell."""

HINTS = {
    "check the clock of this machine": "check the clock of the {judge}",
    "if it is a client certificate, use --purpose client": "use a certificate that is for a server: `pki issue`",
    "if it is a server certificate, use --purpose server": "use a certificate that is for a client: `pki issue`",
    "trust it with --trust only if you know that it is genuine": "add it to the trust anchors of the {judge} only if "
    "you know that it is genuine",
    "trust one of these CAs with --trust if you know that it is genuine": "add one of these CAs to the trust anchors "
    "of the {judge} only if you know that it is genuine",
    "trust that CA with --trust, or add the missing intermediate to the file": "add the missing intermediate to the "
    "certificate file of the {owner}, or that CA to the trust anchors of the {judge}",
    "trust a CA that is closer to the leaf with --trust": "add a CA that is closer to the leaf to the trust anchors of "
    "the {judge}",
    "the issuer is probably an imitation: compare the CA certificates with `pki diff`": "the issuer's name matches, "
    "its key does not: the certificate is forged, or {known} another CA of that name",
}
"""Hints of `pki verify` that mean its own options, files or machine, and what takes their place here."""
NEW_CA = "replace that CA certificate: `pki init --force` makes a new CA"


@dataclass(frozen=True)
class Presented:
    """What a side presented, as its peer sees it."""

    ders: tuple[bytes, ...]
    """The chain, the side's own certificate first."""
    purpose: Purpose = Purpose.SERVER
    server_name: x509.GeneralName | None = None
    """The name in ClientHello; None if it has none."""
    is_stapled: bool = False
    """Whether an OCSP response came with the chain."""


def judge(presented: Presented, at: datetime, trust: Trust | None, alert: str | None) -> Judgement:
    """Judge the chain at the time of the conversation. Never raises, for any bytes.

    `alert` is the name of the alert of the other side; None if it sent none.
    """
    ders, purpose = presented.ders, presented.purpose
    loaded = [peer.load(der) for der in ders]
    for number, each in enumerate(loaded, start=1):
        if isinstance(each, peer.Unreadable):
            place = _place(number, len(ders), is_root=False)
            section = "" if "(RFC " in each.why else " (RFC 5280 §4.1)"
            return Judgement(True, (f"{place}, cannot be read: {each.why}{section}",))
    chain = [each for each in loaded if not isinstance(each, peer.Unreadable)]
    name = ((trust and trust.name) or presented.server_name) if purpose is Purpose.SERVER else None

    anchors = trust.anchors if trust else ()

    def judged(profile: PathProfile, trusted: Sequence[x509.Certificate] = ()) -> Verdict:
        return verify(
            chain[0],
            intermediates=chain[1:],
            trust_anchors=trusted or anchors or (_top(chain),),
            name=name,
            purpose=purpose,
            at=at,
            crls=trust.crls if trust else (),
            profile=profile,
        )

    verdict = peer.attempt(lambda: judged(PathProfile.TLS))
    if isinstance(verdict, peer.Unreadable):
        return Judgement(True, (f"the certificate cannot be judged: {verdict.why}",))
    failed = _failed(verdict)
    if anchors and [each.name for each in failed] == ["chain"]:
        # Without a path no other check is made. Those that need no trust anchor are made up to the top of the chain.
        further = peer.attempt(lambda: judged(PathProfile.TLS, (_top(chain),)))
        failed += [] if isinstance(further, peer.Unreadable) else filter(_is_without_anchors, _failed(further))
    failed.sort(key=lambda check: check.name not in ABOUT.get(alert or "", ()))
    sentences = [each for check in failed for each in (_told(check), *_details(check, verdict.chain))]
    if not anchors:
        sentences += _signed_weakly(chain)
    fails = bool(sentences)
    if fails:
        sentences += _concerned(" ".join(sentences), chain, anchors)
        of_names = any(check.name in ("name", "name form") for check in failed)
        if of_names and not any(each.endswith(", the leaf") for each in sentences):
            place = _place(1, len(chain), is_root=False)
            sentences.append(f"the presented names are those of {place}")
    else:
        if alert is None:
            sentences.append(_passed(verdict, name, anchors))
        else:
            sentences.append(PASSES if anchors else PASSES + WITHOUT_CHAIN)
        if purpose is Purpose.SERVER and name is None:
            sentences.append(_name_not_known(chain[0]))
        if alert == "certificate_revoked" and not (trust and trust.crls):
            sentences.append(NO_CRL)
        if alert in CERTIFICATE_ALERTS and purpose is Purpose.SERVER:
            public = peer.attempt(lambda: judged(PathProfile.WEBPKI))
            sentences += [] if isinstance(public, peer.Unreadable) else map(_of_public_cas, _failed(public))
            sentences += _of_some_clients(presented, verdict)
    if not anchors:
        sentences.append(_unknown_anchor(chain))
    return Judgement(fails, tuple(sentences), _hint(failed, purpose, [*chain, *verdict.chain], anchors))


PASSES = "the presented certificate passes every check made here"
WITHOUT_CHAIN = "; its chain is not checked"


def _passed(verdict: Verdict, name: x509.GeneralName | None, anchors: Sequence[x509.Certificate]) -> str:
    """What is known of a chain of a server that was not refused, and passes every check."""
    wanted = f", for {names.plain(name)}" if name else ""
    if not anchors:
        return f"{PASSES}{wanted}{WITHOUT_CHAIN}"
    is_revocation_known = any(each.name == "revocation" and each.result is Result.PASSED for each in verdict.checks)
    left_out = "" if is_revocation_known else "; revocation is not checked"
    return f"the server's certificate chain is valid with the given trust anchors{wanted}{left_out}"


def _failed(verdict: Verdict) -> list[Check]:
    return [check for check in verdict.checks if check.result is Result.FAILED]


def _is_without_anchors(check: Check) -> bool:
    return check.name not in ("chain", "revocation")


def _told(check: Check) -> str:
    return f"check {check.name} fails: {check.detail} ({check.section})"


# What to do ---------------------------------------------------------------------------------------------------------


def _hint(
    failed: Sequence[Check],
    purpose: Purpose,
    certificates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
) -> str:
    """The hint of the first failed check that has one, for the owner of the chain; `certificates` begins with the leaf.

    Empty without one.
    """
    check = next((each for each in failed if each.hint), None)
    if check is None or check.hint is None:
        return ""
    concerned = [each for each in certificates if _is_named(peer.describe(each).subject, check.detail)]
    if check.name == "dates" and any(map(_is_never_valid, concerned)):
        hint = "issue a certificate whose notBefore comes before its notAfter: `pki issue`"
    else:
        hint = HINTS.get(check.hint, check.hint)
    if "`pki issue`" in hint and concerned and certificates[0] not in concerned:
        return NEW_CA
    judge, owner = ("client", "server") if purpose is Purpose.SERVER else ("server", "client")
    if check.name == "name":
        hint = f"check the address; if the server is yours, {hint}"
    known = "--trust has" if anchors else "the chain has"
    for placeholder, word in (("{judge}", judge), ("{owner}", owner), ("{known}", known)):
        hint = hint.replace(placeholder, word)
    return hint.replace("`pki issue`", "`pki issue NAME`" if purpose is Purpose.SERVER else CLIENT_CERTIFICATE)


CLIENT_CERTIFICATE = "`pki issue --client NAME`"


def _is_named(subject: str, text: str) -> bool:
    return bool(re.search(rf"(?<![\w.-]){re.escape(subject)}(?![\w.-])", text))


def _validity(certificate: x509.Certificate) -> tuple[datetime, datetime] | None:
    """The first and the last moment of the validity; None if they cannot be read."""
    found = peer.attempt(lambda: (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    return None if isinstance(found, peer.Unreadable) else found


def _is_never_valid(certificate: x509.Certificate) -> bool:
    validity = _validity(certificate)
    return validity is not None and validity[0] > validity[1]


# What a check leaves out ---------------------------------------------------------------------------------------------


def _details(check: Check, chain: Sequence[x509.Certificate]) -> Iterator[str]:
    """What a failed check does not say: which CA constrains the name, and that no time is within the validity."""
    for number, each in enumerate(chain):
        subject, validity = peer.describe(each).subject, _validity(each)
        if check.name == "dates" and validity and validity[0] > validity[1] and _is_named(subject, check.detail):
            before, after = (f"{moment:%Y-%m-%d %H:%M:%S}Z" for moment in validity)
            yield f"{subject} is never valid: notBefore, {before}, is after notAfter, {after} (RFC 5280 §4.1.2.5)"
        limits = _extension(each, x509.NameConstraints) if check.name == "constraints" and number else None
        below = [name for lower in chain[:number] for name in peer.alternative_names(lower)]
        if limits and any(_objection(limits, name) == check.detail for name in below):
            yield f"these are name constraints of {subject} (RFC 5280 §4.2.1.10)"


def _objection(limits: x509.NameConstraints, name: x509.GeneralName) -> str | None:
    found = peer.attempt(lambda: constraints.objection(limits, name))
    return None if isinstance(found, peer.Unreadable) else found


# What other clients refuse ------------------------------------------------------------------------------------------


def _of_public_cas(check: Check) -> str:
    return f"a client that applies the rules of public CAs refuses it: {check.detail} ({check.section})"


def _of_some_clients(presented: Presented, verdict: Verdict) -> Iterator[str]:
    """What `pki verify` accepts, and other clients refuse."""
    for lower, upper in pairwise(verdict.chain):
        wanted, found = _extension(lower, x509.AuthorityKeyIdentifier), _extension(upper, x509.SubjectKeyIdentifier)
        if wanted and found and wanted.key_identifier not in (None, found.digest):
            yield (
                f"some clients find no issuer: the authority key identifier of {peer.describe(lower).subject} is "
                f"{wanted.key_identifier.hex()}, and the subject key identifier of {peer.describe(upper).subject} is "
                f"{found.digest.hex()} (RFC 5280 §4.2.1.1)"
            )
    feature = _extension(verdict.chain[0], x509.TLSFeature) if verdict.chain else None
    if feature and not presented.is_stapled:
        yield (
            "some clients refuse it: the certificate has the TLS feature status_request (must-staple), and no OCSP "
            "response came with it (RFC 7633 §4.2.3.1)"
        )


Extension = TypeVar("Extension", bound=x509.ExtensionType)


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    found = peer.attempt(lambda: certificate.extensions.get_extension_for_class(kind).value)
    return None if isinstance(found, peer.Unreadable) else found


# Which certificate --------------------------------------------------------------------------------------------------


def _place(number: int, count: int, *, is_root: bool) -> str:
    """`certificate 2 of 3, intermediate 1`, as it was sent."""
    role = "the leaf" if number == 1 else "a root" if is_root else f"intermediate {number - 1}"
    return f"certificate {number} of {count}, {role}"


def _concerned(text: str, chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> Iterator[str]:
    """For each subject that the text names: which of the certificates has it, the trust anchors included."""
    places: dict[str, list[str]] = {}
    for number, each in enumerate(chain, start=1):
        places.setdefault(peer.describe(each).subject, []).append(
            _place(number, len(chain), is_root=_is_self_signed(each))
        )
    for each in anchors:
        if each not in chain:
            places.setdefault(peer.describe(each).subject, []).append("a trust anchor, which was not sent")
    for subject, found in places.items():
        if _is_named(subject, text):
            several = "the subject of several certificates: " if len(found) > 1 else ""
            yield f"{subject} is {several}{'; '.join(found)}"


# What is not known --------------------------------------------------------------------------------------------------


def _top(chain: Sequence[x509.Certificate]) -> x509.Certificate:
    """The last certificate on the way from the leaf to an issuer that was sent, by the names in the certificates."""
    left, top = list(chain[1:]), chain[0]
    while (above := next((each for each in left if _issued(each, top)), None)) is not None:
        left.remove(above)
        top = above
    return top


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    return peer.attempt(lambda: issuer.subject == certificate.issuer and issuer != certificate) is True


def _is_self_signed(certificate: x509.Certificate) -> bool:
    return not isinstance(peer.attempt(lambda: certificate.verify_directly_issued_by(certificate)), peer.Unreadable)


def _unknown_anchor(chain: Sequence[x509.Certificate]) -> str:
    top = peer.describe(_top(chain))
    if _is_self_signed(_top(chain)):
        return f"{top.subject} is self-signed; whether it is trusted is not known here: give --trust to check its chain"
    return (
        f"{top.subject} names the issuer {top.issuer}, which was not sent; whether {top.issuer} signed it and is "
        "trusted is not known here: give --trust to check its chain"
    )


def _signed_weakly(chain: Sequence[x509.Certificate]) -> Iterator[str]:
    """The hash in the signature of the top certificate, which `verify` does not check in a trust anchor."""
    top = _top(chain)
    digest = peer.attempt(lambda: top.signature_hash_algorithm)
    if isinstance(digest, peer.Unreadable) or digest is None or _is_self_signed(top):
        return
    if digest.name in BROKEN_HASHES:
        subject = peer.describe(top).subject
        broken = f"is signed with {BROKEN_HASHES[digest.name]}, which is broken: signatures can be forged"
        yield f"check strength fails: {subject} {broken} (RFC 9325 §4.5)"


def _name_not_known(leaf: x509.Certificate) -> str:
    presented = peer.listed([names.show(each) for each in peer.alternative_names(leaf)])
    return (
        "check name is not made: ClientHello has no server_name, so the name or address that the client asked for is "
        f"not known: give --name; presented: {presented or 'no name'} (RFC 9525 §6)"
    )


NO_CRL = "check revocation is not made: no CRL is given; put crl.pem beside the file of --trust (RFC 5280 §6.3)"
