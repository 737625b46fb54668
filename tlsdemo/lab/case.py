"""One case of the lab, of whichever family: what is said of it, who serves it, and how it is opened.

    CASES["expired"].open(ca)  ->  OpenedCase: what handles the connections to it, or why it cannot be served here

Nothing is minted before a case is opened. A case that is not a test certificate of `pki.cases` is one function:

    @protocol_case("RFC 8996 §2", Severity.WEAK)
    def tls_1_0_only(given: RsaServer) -> Handler:
        '''It speaks TLS 1.0, and nothing newer. …'''
        return given.tls(LabCiphers.TLS_1_0)

Its name, with hyphens, is the id, and its docstring is the documentation, as in `pki.cases`. The decorator is a
`Declaration`, one for each family.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from inspect import cleandoc
from types import ModuleType
from typing import Generic, TypeVar

from pki.cases import Must, Severity
from pki.errors import Problem
from tlsdemo.findings import CaseWords
from tlsdemo.lab.ca import HOME, LabCA
from tlsdemo.lab.conversation import Handler


class Family(Enum):
    """What a case is about."""

    CERTIFICATE = "the server's certificate"
    REVOCATION = "what is published about the certificate"
    PROTOCOL = "versions, suites, and servers that do not speak TLS"
    CLIENT_CERTIFICATE = "a server that asks for the client's certificate"


class ServedBy(Enum):
    """Whose TLS the server speaks."""

    SSL = "Python's ssl"


class Controls(Enum):
    """Whether the control of a case is opened with it."""

    SERVED = "served"
    LEFT_OUT = "left out"


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(CaseWords):
    """A case: its words, as the reports show them, and the function that makes what is served."""

    family: Family
    make: "Callable[[Case, LabCA], OpenedCase]"
    served_by: ServedBy = ServedBy.SSL
    only_named: str = ""
    """Why it is not run with all others, if so."""

    def open(self, ca: LabCA, controls: Controls = Controls.LEFT_OUT) -> "OpenedCase":
        """Mint what this case needs and make its handler; the same for its control, if wanted."""
        opened = self.make(self, ca)
        if controls is Controls.SERVED and opened.mint_control:
            return replace(opened, control=opened.mint_control())
        return opened


@dataclass(frozen=True)
class OpenedCase:
    """A case that can be served, or the reason why it cannot."""

    case: Case
    handler: Handler | None
    """Handles the connections to its port. None where it cannot be served here."""
    obstacle: str = ""
    """Why not."""
    host: str = HOME
    """The name to ask for on its own port: for most cases that of this machine."""
    context: ssl.SSLContext | None = None
    """For the port that chooses by name; None for a case that needs a port of its own."""
    sni: str | None = None
    """The name to ask for there."""
    anchors_pem: bytes = b""
    """The trust anchors of its client, if they are not the root of the lab."""
    mint_control: "Callable[[], OpenedCase] | None" = None
    """Makes its control; None where it has none."""
    control: "OpenedCase | None" = None
    """The same without the deviation, on a port of its own: a client that refuses it has another reason."""

    @property
    def id(self) -> str:
        """The id of the case."""
        return self.case.id

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases of the case."""
        return self.case.aliases


def on_own_port(case: Case, make_handler: Callable[[], Handler]) -> OpenedCase:
    """A case that cannot be chosen by name; with the reason, where its handler cannot be made here."""
    try:
        return OpenedCase(case, make_handler())
    except Problem as problem:
        return OpenedCase(case, None, obstacle(problem))


def obstacle(problem: Problem) -> str:
    """Why something cannot be served, on one line."""
    return "; ".join((problem.fact, *problem.evidence))


# Declarations --------------------------------------------------------------------------------------------------------

Body = TypeVar("Body", bound=Callable[..., object])
"""The function of a case; what it takes and returns depends on the family."""


@dataclass(frozen=True)
class Declaration(Generic[Body]):
    """The decorator of a family: makes a Case of a function."""

    family: Family
    theme: str
    make: Callable[[Body, Case, LabCA], OpenedCase]
    """Opens a case, given the function that was decorated."""
    only_named: str = ""
    """As `Case.only_named`, for all cases of the family."""

    def __call__(
        self,
        clause: str,
        severity: Severity,
        *,
        must: Must = Must.REJECT,
        aliases: tuple[str, ...] = (),
        cve: tuple[str, ...] = (),
        only_named: str = "",
    ) -> Callable[[Body], Case]:
        """The decorator. It raises ValueError for a function without a docstring."""

        def declare(body: Body) -> Case:
            if not body.__doc__:
                raise ValueError(f"{body.__name__} has no docstring")
            story = cleandoc(body.__doc__)
            return Case(
                id=body.__name__.replace("_", "-"),
                aliases=aliases,
                theme=self.theme,
                summary=summary(story),
                story=story,
                clause=clause,
                must=must.value,
                severity=severity.value,
                cve=cve,
                family=self.family,
                make=lambda case, ca: self.make(body, case, ca),
                only_named=only_named or self.only_named,
            )

        return declare


def summary(story: str) -> str:
    """The first paragraph of a story."""
    return story.split("\n\n")[0].replace("\n", " ")


def declared_in(module: ModuleType) -> list[Case]:
    """The cases of a module, in the order of declaration."""
    return [each for each in vars(module).values() if isinstance(each, Case)]
