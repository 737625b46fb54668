"""The lab's index as a page: the cases with their links, and what the visitor's client has accepted so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlsdemo.findings import CaseWords
from tlsdemo.report.finding import by_theme, counted
from tlsdemo.report.html import render


@dataclass(frozen=True)
class IndexEntry:
    """A case, and where it is served."""

    case: CaseWords
    url: str
    """Empty if the case cannot be served here."""
    sni_url: str
    obstacle: str
    accepted: int
    """How often the visitor's client has accepted the case."""
    control_url: str = ""

    @property
    def alarming(self) -> bool:
        """Whether the visitor's client has accepted a bad case."""
        return self.accepted > 0 and self.case.must == "reject"

    @property
    def classes(self) -> str:
        """Its CSS classes: the severity, `accepted` and `alarm`."""
        return self.case.severity + (" accepted" if self.accepted else "") + (" alarm" if self.alarming else "")


@dataclass(frozen=True)
class Part:
    """The bad cases, or the valid ones."""

    id: str
    heading: str
    about: str
    themes: Mapping[str, Sequence[IndexEntry]]


@dataclass(frozen=True)
class TrustStore:
    """Programs that read one trust store: the steps that add the lab's root to it, and those that remove it."""

    where: str
    add: Sequence[str]
    remove: Sequence[str]


STRICT = {"accept": "accept it", "reject": "refuse it"}
ABOUT: Mapping[str, str] = {
    "valid": "certificates that careless clients refuse",
    "validity": "expired, not yet valid, malformed times",
    "chain": "no path to a trust anchor",
    "signature": "invalid or weak signatures",
    "ca-certificates": "issuers that must not issue",
    "host-names": "names that do not match, or are in the wrong field",
    "wildcards": "names with a wildcard",
    "usage": "certificates for another purpose",
    "constraints": "name constraints",
    "extensions": "extensions, and unusual serial numbers",
    "strength": "weak, unusual or published keys",
    "revocation": "CRLs and OCSP responses",
    "protocol": "versions, cipher suites, and answers that are not TLS",
    "handshake": "servers that violate TLS 1.3",
    "clients": "servers that ask for a client certificate",
}
"""The themes in words."""


def as_html(entries: Sequence[IndexEntry], agent: str, sni_port: int, trust_stores: Sequence[TrustStore] = ()) -> str:
    """The page for a visitor with this User-Agent."""
    bad, valid = (tuple(each for each in entries if each.case.must == must) for must in ("reject", "accept"))
    parts = (
        Part("bad-cases", "Bad cases", "A strict client refuses each of them.", by_theme(bad)),
        Part("valid-cases", "Valid cases", "A client should accept each of them.", by_theme(valid)),
    )
    return render(
        "lab.html",
        "page.css",
        "lab.css",
        parts=[each for each in parts if each.themes],
        about=ABOUT,
        strict=STRICT,
        counted=counted,
        agent=agent,
        sni_port=sni_port,
        trust_stores=trust_stores,
        taken=[each for each in entries if each.alarming],
        good=sum(1 for each in entries if each.accepted and not each.alarming),
        total=sum(1 for each in entries if each.url),
    )
