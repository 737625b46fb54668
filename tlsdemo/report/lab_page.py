"""The lab's index as a page: what is shown where, and what this visitor's client has taken for good so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlsdemo.findings import CaseWords
from tlsdemo.report.html import render


@dataclass(frozen=True)
class IndexEntry:
    """A case, and where it is served."""

    case: CaseWords
    url: str
    """Empty where it cannot be served here."""
    sni_url: str
    obstacle: str
    accepted: int
    """How often this visitor has taken it for good."""
    control_url: str = ""
    """The same without the fault."""

    @property
    def alarming(self) -> bool:
        """Whether no strict client would have."""
        return self.accepted > 0 and self.case.must == "reject"


STRICT = {"accept": "accept it", "reject": "refuse it"}
ABOUT: Mapping[str, str] = {
    "valid": "good certificates",
    "validity": "dates",
    "chain": "who vouches",
    "signature": "signatures",
    "ca-certificates": "who may vouch",
    "host-names": "whose name it is",
    "wildcards": "wildcards",
    "usage": "what it is for",
    "constraints": "fences",
    "extensions": "extensions",
    "strength": "keys",
    "revocation": "what was taken back",
    "protocol": "versions, suites, and servers that misbehave",
    "clients": "ports that ask who the client is",
}
"""The themes in words."""


def as_html(entries: Sequence[IndexEntry], agent: str, sni_port: int) -> str:
    """The page for a visitor who calls itself so."""
    themes: dict[str, list[IndexEntry]] = {}
    for each in entries:
        themes.setdefault(each.case.theme, []).append(each)
    return render(
        "lab.html",
        "page.css",
        "lab.css",
        themes=themes,
        about=ABOUT,
        strict=STRICT,
        agent=agent,
        sni_port=sni_port,
        taken=[each for each in entries if each.alarming],
        good=sum(1 for each in entries if each.accepted and not each.alarming),
        total=sum(1 for each in entries if each.url),
    )
