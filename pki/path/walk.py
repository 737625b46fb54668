"""verify(): the first path that passes every step; or, of those that do not, the one that came closest."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from cryptography import x509

from pki import revocation
from pki.malformed import MALFORMED, why
from pki.path.build import Exhausted, Search
from pki.path.profiles import FORM as FORM_STEPS
from pki.path.profiles import MENDS, STEPS
from pki.path.reading import Path, Request, read
from pki.path.steps import ADDRESS, CHAIN, NAME, SIGNATURE, Failure, Step
from pki.path.steps import name as is_named
from pki.signed import issuer, subject
from pki.verdict import NOT_REACHED, Check, PathProfile, Purpose, Result, Verdict

MAX_DEPTH = 8  # authorities between leaf and anchor
PATHS = 12  # as many are judged; the search has its own limits
FORM = "RFC 5280 §4.1"
ONE_CHAIN = "send one chain, and no certificate more"
UNREADABLE = "`pki show --der` shows its bytes"


def verify(
    leaf: x509.Certificate,
    *,
    intermediates: Sequence[x509.Certificate] = (),
    trust_anchors: Sequence[x509.Certificate],
    name: x509.GeneralName | None,
    purpose: Purpose = Purpose.SERVER,
    at: datetime,
    crls: Sequence[x509.CertificateRevocationList] = (),
    profile: PathProfile = PathProfile.TLS,
    max_depth: int = MAX_DEPTH,
) -> Verdict:
    """Judge `leaf` at the moment `at`; ValueError if that has no time zone.

    Without a `name` the name is not checked, without `crls` revocation is not; the verdict says so. `profile` is how
    strict to be beyond RFC 5280.
    """
    if at.tzinfo is None:
        raise ValueError("`at` needs a time zone")
    return judge(
        Request(leaf, tuple(intermediates), tuple(trust_anchors), name, purpose, at, tuple(crls), profile, max_depth)
    )


def judge(request: Request) -> Verdict:
    """The same, for a request; whatever the certificates are, it answers."""
    try:
        return _best(request)
    except MALFORMED as error:
        return Verdict(
            (Check("form", FORM, Result.FAILED, f"the certificate cannot be read: {why(error)}", UNREADABLE),)
        )


def _best(request: Request) -> Verdict:
    search = Search(request)
    closest: Verdict | None = None
    try:
        for chain in islice(search.paths(), PATHS):
            verdict = Verdict(tuple(_judge(read(chain), request)), chain)
            if verdict.accepted:
                return verdict
            if closest is None or len(_failed(verdict)) < len(_failed(closest)):
                closest = verdict
    except Exhausted:
        if closest is None:
            return _without_chain(
                request,
                _failed_chain("there are too many ways to an anchor, or to none: given up", ONE_CHAIN),
            )
    return closest or _without_chain(request, _why_there_is_none(request, search))


def _failed(verdict: Verdict) -> list[Check]:
    return [check for check in verdict.checks if check.result is Result.FAILED]


def _judge(path: Path, request: Request) -> Iterator[Check]:
    anchor = subject(path.anchor.certificate)
    yield Check("chain", CHAIN, Result.PASSED, f"{len(path.certificates)} certificates, up to the trusted {anchor}")
    for each in path.certificates:
        try:
            each.extensions  # noqa: B018  # all of them are read here, once
        except MALFORMED as error:
            detail = f"{subject(each.certificate)} cannot be read: {why(error)}"
            yield Check("form", FORM, Result.FAILED, detail, UNREADABLE)
            yield from _not_reached(request)
            return
    for step in STEPS[request.profile]:
        yield _made(step, path, request)
    yield _named(path, request)
    yield revocation.check(path.chain, _lists(request))
    for step in FORM_STEPS:
        yield _made(step, path, request)


def _made(step: Step, path: Path, request: Request) -> Check:
    try:
        return Check(step.name, step.section, Result.PASSED, step.follow(path, request))
    except Failure as failure:
        return Check(step.name, step.section, Result.FAILED, failure.detail, failure.hint or MENDS.get(step.name))
    except MALFORMED as error:
        return Check(step.name, step.section, Result.FAILED, f"it cannot be read: {why(error)}", MENDS.get(step.name))


def _named(path: Path, request: Request) -> Check:
    section = ADDRESS if isinstance(request.name, x509.IPAddress) else NAME
    if request.name is None:
        return Check("name", section, Result.NOT_MADE, "no name was asked for", "ask for one with --name")
    return _made(Step("name", section, is_named), path, request)


def _lists(request: Request) -> revocation.Lists:
    """A list may also be signed by another key of the same name, if that leads to an anchor, unrevoked."""
    asked: set[x509.Certificate] = set()

    def trusts(signer: x509.Certificate) -> bool:
        if signer in asked:  # a key that vouches for itself in its own list, as after a change of keys
            return True
        asked.add(signer)
        try:
            found = next(Search(replace(request, leaf=signer)).paths(), ())
        except Exhausted:
            return False
        current = all(each.not_valid_before_utc <= request.at <= each.not_valid_after_utc for each in found)
        return bool(found) and current and revocation.check(found, lists).result is not Result.FAILED

    pool = (*request.trust_anchors, *request.intermediates)
    lists = revocation.Lists(request.crls, pool, trusts, request.at)
    return lists


# Where there is no chain --------------------------------------------------------------------------------------------


def _without_chain(request: Request, failure: Check) -> Verdict:
    return Verdict((failure, *_not_reached(request)))


def _not_reached(request: Request) -> Iterator[Check]:
    for step in STEPS[request.profile]:
        yield Check(step.name, step.section, Result.NOT_MADE, NOT_REACHED)
    yield Check("name", NAME, Result.NOT_MADE, NOT_REACHED)
    yield Check("revocation", revocation.REVOCATION, Result.NOT_MADE, NOT_REACHED)
    for step in FORM_STEPS:
        yield Check(step.name, step.section, Result.NOT_MADE, NOT_REACHED)


def _failed_chain(detail: str, hint: str | None = None, section: str = CHAIN) -> Check:
    return Check("chain", section, Result.FAILED, detail, hint)


def _why_there_is_none(request: Request, search: Search) -> Check:
    """What the search ran into first: a signature that does not fit, or an issuer who is not there."""
    if search.forged:
        certificate, authority = search.forged
        return _failed_chain(
            f"the key of {subject(authority)} did not sign {subject(certificate)}: "
            "the name is right, the signature is not",
            "an imitation: `pki diff` shows two certificates side by side",
            SIGNATURE,
        )
    if search.too_deep:
        return _failed_chain(
            f"there are more than {request.max_depth} authorities between the leaf and an anchor",
            "trust one that is nearer, with --trust",
        )
    orphan = search.orphan or request.leaf
    if orphan.issuer == orphan.subject:
        return _failed_chain(
            f"{subject(orphan)} vouches for itself, and nobody here trusts it",
            "who knows it to be the right one may trust it with --trust; nobody else should",
        )
    if search.circle:
        return _failed_chain(
            f"{subject(orphan)} was issued by {issuer(orphan)}, and the way from there leads back to where it began: "
            "no trust anchor is on it",
            "trust one of those authorities with --trust, if you know it to be the right one",
        )
    return _failed_chain(
        f"{subject(orphan)} was issued by {issuer(orphan)}, which is neither trusted nor sent",
        "trust that authority with --trust, or add the missing intermediate to the file",
    )
