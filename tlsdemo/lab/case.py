"""One case of the lab: its description, how it is served, and how it is opened.

    CASES["expired"].open(ca)  ->  OpenedCase: the handler of its connections, or why it cannot be served here

Nothing is minted before a case is opened. A case that is not a test certificate of `pki.cases` is one function:

    @protocol_case("RFC 8996 §2", Severity.WEAK)
    def tls_1_0_only(given: RsaServer) -> Handler:
        '''The server supports only TLS 1.0. …'''
        return given.tls(LabCiphers.TLS_1_0)

The name, with hyphens, is the id, and the docstring is the story, as in `pki.cases`. The decorator is a `Declaration`;
each family has one.
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
    """The subject of a case."""

    CERTIFICATE = "the server's certificate"
    REVOCATION = "the revocation status of the server's certificate"
    PROTOCOL = "versions, cipher suites, and answers that are not TLS"
    MISBEHAVING = "a server that violates TLS 1.3 in its handshake"
    CLIENT_CERTIFICATE = "a server that asks for the client's certificate"


class ServedBy(Enum):
    """The TLS implementation of the server."""

    SSL = "Python's ssl"
    TLS13 = "TLS 1.3 of our own"


class Controls(Enum):
    """Whether the control of a case is opened with it."""

    SERVED = "served"
    LEFT_OUT = "left out"


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(CaseWords):
    """A case: its description, as the reports print it, and the function that opens it."""

    family: Family
    make: "Callable[[Case, LabCA], OpenedCase]"
    served_by: ServedBy = ServedBy.SSL
    only_named: str = ""
    """Why `--all` does not include the case; empty if it does."""

    def open(self, ca: LabCA, controls: Controls = Controls.LEFT_OUT) -> "OpenedCase":
        """Mint the certificates and make the handler of this case, and of its control if asked for."""
        opened = self.make(self, ca)
        if controls is Controls.SERVED and opened.mint_control:
            return replace(opened, control=opened.mint_control())
        return opened


@dataclass(frozen=True)
class OpenedCase:
    """A case that can be served, or the reason why it cannot."""

    case: Case
    handler: Handler | None
    """Handles the connections to the case's port. None if the case cannot be served here."""
    obstacle: str = ""
    """Why the case cannot be served here."""
    host: str = HOME
    """The name that the client asks for on this port; for most cases localhost."""
    context: ssl.SSLContext | None = None
    """The context for the port that selects by server_name; None for a case that needs its own port."""
    sni: str | None = None
    """The server_name that selects the case there."""
    anchors_pem: bytes = b""
    """The trust anchors of the client in PEM, if they are not the root of the lab."""
    mint_control: "Callable[[], OpenedCase] | None" = None
    """Mints the control; None if the case has none."""
    control: "OpenedCase | None" = None
    """The control, on its own port. A client that refuses the control, too, refuses for another reason."""

    @property
    def id(self) -> str:
        return self.case.id

    @property
    def aliases(self) -> tuple[str, ...]:
        return self.case.aliases


def on_own_port(case: Case, make_handler: Callable[[], Handler]) -> OpenedCase:
    """A case that cannot be selected by server_name. If its handler raises Problem, the case has the obstacle."""
    try:
        return OpenedCase(case, make_handler())
    except Problem as problem:
        return OpenedCase(case, None, obstacle(problem))


def obstacle(problem: Problem) -> str:
    """A Problem on one line."""
    return "; ".join((problem.fact, *problem.evidence))


def control_of(case: Case) -> Case:
    """The description of a control. A control is opened together with its case."""
    summary = f"The valid control of {case.id}: the same without the deviation."
    return replace(
        case,
        id=f"{case.id}.control",
        aliases=(),
        summary=summary,
        story=summary,
        must=Must.ACCEPT.value,
        verify_codes=(),
    )


# Declarations --------------------------------------------------------------------------------------------------------

Body = TypeVar("Body", bound=Callable[..., object])
"""The function that declares a case; its arguments and result depend on the family."""


@dataclass(frozen=True)
class Declaration(Generic[Body]):
    """The decorator of a family, which turns a function into a Case."""

    family: Family
    theme: str
    make: Callable[[Body, Case, LabCA], OpenedCase]
    """Opens a case; the first argument is the decorated function."""
    only_named: str = ""
    """As `Case.only_named`, for all cases of the family."""
    served_by: ServedBy = ServedBy.SSL

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
                served_by=self.served_by,
                only_named=only_named or self.only_named,
            )

        return declare


def summary(story: str) -> str:
    """The first paragraph of a story."""
    return story.split("\n\n")[0].replace("\n", " ")


def declared_in(module: ModuleType) -> list[Case]:
    """The cases of a module, in the order of declaration."""
    return [each for each in vars(module).values() if isinstance(each, Case)]
