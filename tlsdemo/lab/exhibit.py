"""An exhibit: a case that stands on a port, or the reason why it cannot."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from tlsdemo.findings import Case
from tlsdemo.lab.conversation import Show

HOME = "localhost"
"""The name under which every case can be reached, whatever a client resolves and sends."""


@dataclass(frozen=True)
class Exhibit:
    """A case of the lab, ready to be shown."""

    case: Case
    show: Show | None
    """None where it cannot be served here."""
    obstacle: str = ""
    """Why not."""
    host: str = HOME
    """The name to ask for on its own port: for most, simply that of this machine."""
    context: ssl.SSLContext | None = None
    """For the port that chooses by name; None for what needs a port of its own."""
    sni: str | None = None
    """The name to ask for there."""
    anchors_pem: bytes = b""
    """What its client must trust, if that is not the lab's root."""
    only_named: str = ""
    """Why it is not run with all others, if so."""
    control: "Exhibit | None" = None
    """The same without its fault, on a port of its own: whoever refuses that, too, has another reason."""


def by_any_name(exhibits: Sequence[Exhibit]) -> dict[str, Exhibit]:
    """By id and alias."""
    aliases = {alias: each for each in exhibits for alias in each.case.aliases}
    return aliases | {each.case.id: each for each in exhibits}
