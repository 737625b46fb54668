"""verify(): the first path that passes every check; if none does, the one with the fewest failures."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from cryptography import x509

from pki.budget import Budget, Exhausted, WorkKind
from pki.malformed import Malformed, read_field
from pki.objects.distinguished_names import issuer, subject
from pki.objects.signatures import Answer
from pki.objects.summary import why_unreadable
from pki.path.build import Pool, Search
from pki.path.crl_signers import CrlSigners
from pki.path.profiles import AFTER_THE_NAME, MENDS, OF_AN_ISSUER, STEPS
from pki.path.profiles import FORM as FORM_STEPS
from pki.path.remarks import remarks
from pki.path.request import CertificateFields, Path, Request
from pki.path.steps import ADDRESS, CHAIN, NAME, SIGNATURE, Clause, Failure
from pki.path.steps import name as is_named
from pki.revocation import status
from pki.verdict import NOT_REACHED, Check, PathProfile, Purpose, Result, Verdict

MAX_DEPTH = 8  # CAs between leaf and anchor
FORM = "RFC 5280 §4.1"
ALGORITHM = "RFC 5280 §4.1.1.2"
LIMIT_REACHED = "search limit reached"
ONE_CHAIN = "send one chain without additional certificates"
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
    """Validate `leaf` at the time `at`. Raises ValueError if `at` has no time zone.

    Without `name`, names are not checked; without `crls`, revocation is not. The verdict then has Result.NOT_MADE for
    that check. `profile` adds rules to those of RFC 5280.
    """
    if at.tzinfo is None:
        raise ValueError("`at` needs a time zone")
    return judge(
        Request(leaf, tuple(intermediates), tuple(trust_anchors), name, purpose, at, tuple(crls), profile, max_depth)
    )


def judge(request: Request, budget: Budget | None = None) -> Verdict:
    """`verify` for a Request. Returns a verdict for any input, however malformed or large."""
    budget = budget or Budget()
    try:
        return read_field(lambda: _best(request, budget))
    except Malformed as error:
        return _unreadable(request.leaf, error)


def _unreadable(leaf: x509.Certificate, error: Malformed) -> Verdict:
    detail = f"the certificate cannot be read: {_fault((leaf,), error)}"
    return Verdict((Check("form", FORM, Result.FAILED, detail, UNREADABLE),))


def _fault(certificates: Sequence[x509.Certificate], error: Malformed) -> str:
    """Why one of these cannot be read: the byte and the rule where they are known, else `error`."""
    return next(filter(None, map(why_unreadable, certificates)), str(error))


class _Judging:
    """The state of one request that all its paths share."""

    def __init__(self, request: Request, budget: Budget) -> None:
        self.request = request
        self.pool = Pool(request.trust_anchors, request.intermediates, budget)
        self.leaf = self.pool.reading(request.leaf)
        self.signers = CrlSigners(request, self.pool, self.could_issue)
        self.search = Search(
            self.leaf,
            [each for each in map(self._anchor, request.trust_anchors) if each is not None],
            self.pool,
            could_issue=self.could_issue,
            max_depth=request.max_depth,
        )

    def _anchor(self, certificate: x509.Certificate) -> CertificateFields | None:
        try:
            return self.pool.reading(certificate)
        except Malformed:
            return None

    def could_issue(self, candidate: CertificateFields) -> bool:
        """Whether the candidate passes the checks of an issuer that need no path."""
        try:
            _check_fields(candidate)
            for check in OF_AN_ISSUER[self.request.profile]:
                read_field(partial(check, candidate, self.request), Failure)
        except (Failure, Malformed):
            return False
        return True

    def judged(self, path: Path) -> Verdict:
        """The verdict on one path."""
        checks = list(self._checks(path))
        # A known revocation comes first: no other change makes the certificate acceptable.
        checks.sort(key=lambda check: 0 if check.name == "chain" else 1 if status.is_known(check) else 2)
        return Verdict(tuple(checks), path.chain, tuple(remarks(path, self.request)))

    def _checks(self, path: Path) -> Iterator[Check]:
        request, anchor = self.request, subject(path.anchor.certificate)
        yield Check(
            "chain", CHAIN, Result.PASSED, f"{len(path.certificates)} certificates, up to the trust anchor {anchor}"
        )
        for each in path.certificates:
            try:
                _check_fields(each)
            except Malformed as error:
                detail = f"{subject(each.certificate)} cannot be read: {_fault((each.certificate,), error)}"
                yield Check("form", FORM, Result.FAILED, detail, UNREADABLE)
                yield from _not_reached(request)
                return
        for step in STEPS[request.profile]:
            yield _made(step, path, request)
        yield _named(path, request)
        for step in AFTER_THE_NAME[request.profile]:
            yield _made(step, path, request)
        yield status.check(path.certificates, self.signers.lists(path.anchor))
        for step in FORM_STEPS:
            yield _made(step, path, request)


def _check_fields(certificate: CertificateFields) -> None:
    """Raises Malformed if a field that every step needs cannot be read."""
    _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.not_before, certificate.not_after


def _best(request: Request, budget: Budget) -> Verdict:
    judging = _Judging(request, budget)
    try:
        _ = judging.leaf.subject, judging.leaf.issuer
    except Malformed as error:
        return _unreadable(request.leaf, error)
    closest: Verdict | None = None
    judged = 0
    try:
        for chain in judging.search.paths():
            budget.spend(WorkKind.JUDGING, price=WorkKind.JUDGING.value + len(chain) * WorkKind.READING.value)
            verdict = judging.judged(Path(chain, budget))
            judged += 1
            if verdict.accepted:
                return verdict
            if closest is None or len(_failed(verdict)) < len(_failed(closest)):
                closest = verdict
    except Exhausted:
        return _limit_reached(request, closest, judged)
    if closest is None and not judging.pool.is_whole:
        return _limit_reached(request, closest, judged)
    return closest or _without_chain(request, _why_there_is_none(request, judging.search))


def _failed(verdict: Verdict) -> list[Check]:
    return [check for check in verdict.checks if check.result is Result.FAILED]


def _limit_reached(request: Request, closest: Verdict | None, judged: int) -> Verdict:
    """The verdict if not every path was tried: another path may be valid."""
    if closest is None:
        return _without_chain(
            request, _failed_chain(f"{LIMIT_REACHED}: too many certificates, paths or names", ONE_CHAIN)
        )
    count = "the only path tried" if judged == 1 else f"the best of {judged} paths tried"
    detail = f"{LIMIT_REACHED}; {count} fails: {closest.reason}"
    return Verdict((_failed_chain(detail, ONE_CHAIN), *closest.checks[1:]), closest.chain, closest.remarks)


def _made(step: Clause, path: Path, request: Request) -> Check:
    try:
        detail = read_field(lambda: step.follow(path, request), Failure, Exhausted)
    except Failure as failure:
        return Check(step.name, step.section, Result.FAILED, failure.detail, failure.hint or MENDS.get(step.name))
    except Malformed as error:
        detail = f"a certificate cannot be read: {_fault(path.chain, error)}"
        return Check(step.name, step.section, Result.FAILED, detail, MENDS.get(step.name))
    return Check(step.name, step.section, Result.PASSED, detail)


def _named(path: Path, request: Request) -> Check:
    section = ADDRESS if isinstance(request.name, x509.IPAddress) else NAME
    if request.name is None:
        return Check("name", section, Result.NOT_MADE, "no name was given", "give one with --name")
    return _made(Clause("name", section, is_named), path, request)


# Without a path ----------------------------------------------------------------------------------------------------


def _without_chain(request: Request, failure: Check) -> Verdict:
    return Verdict((failure, *_not_reached(request)))


def _not_reached(request: Request) -> Iterator[Check]:
    for step in STEPS[request.profile]:
        yield Check(step.name, step.section, Result.NOT_MADE, NOT_REACHED)
    yield Check("name", NAME, Result.NOT_MADE, NOT_REACHED)
    for step in AFTER_THE_NAME[request.profile]:
        yield Check(step.name, step.section, Result.NOT_MADE, NOT_REACHED)
    yield Check("revocation", status.REVOCATION, Result.NOT_MADE, NOT_REACHED)
    for step in FORM_STEPS:
        yield Check(step.name, step.section, Result.NOT_MADE, NOT_REACHED)


def _failed_chain(detail: str, hint: str | None = None, section: str = CHAIN) -> Check:
    return Check("chain", section, Result.FAILED, detail, hint)


def _why_there_is_none(request: Request, search: Search) -> Check:
    """The failed check of a search without a path: an invalid signature, or a missing issuer."""
    if search.undecided:
        certificate, authority, answer = search.undecided
        return _undecided(subject(certificate.certificate), subject(authority.certificate), answer)
    if search.forged:
        certificate, authority, answer = search.forged
        return _forged(subject(certificate.certificate), subject(authority.certificate), answer)
    if search.too_deep:
        return _failed_chain(
            f"there are more than {request.max_depth} intermediates between the leaf and a trust anchor",
            "trust a CA that is closer to the leaf with --trust",
        )
    orphan = search.orphan or search.leaf
    who, above = subject(orphan.certificate), issuer(orphan.certificate)
    if orphan.is_self_issued:
        return _failed_chain(
            f"{who} is self-signed, and not a trust anchor",
            "trust it with --trust only if you know that it is genuine",
        )
    if search.circle:
        return _failed_chain(
            f"{who} names the issuer {above}, and the issuers form a loop without a trust anchor",
            "trust one of these CAs with --trust if you know that it is genuine",
        )
    return _failed_chain(
        f"{who} names the issuer {above}, whose certificate is neither trusted nor present",
        "trust that CA with --trust, or add the missing intermediate to the file",
    )


def _undecided(certificate: str, authority: str, answer: Answer) -> Check:
    return _failed_chain(
        f"cannot verify the signature of {certificate} by {authority}: {answer.why}",
        "reissue it with a common algorithm, such as ECDSA on P-256: `pki issue`",
        ALGORITHM,
    )


def _forged(certificate: str, authority: str, answer: Answer) -> Check:
    if answer.why is None:
        return _failed_chain(
            f"the key of {authority} did not sign {certificate}: the issuer name matches, the signature does not",
            "the issuer is probably an imitation: compare the CA certificates with `pki diff`",
            SIGNATURE,
        )
    return _failed_chain(f"the signature of {certificate} by {authority} is not valid: {answer.why}", section=SIGNATURE)
