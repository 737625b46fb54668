"""The output of `init`, `issue` and `list` as lines. Pure: `main` prints them."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import names
from pki.console import CERTS, day
from pki.errors import printable
from pki.store.ca import Minted


def init_summary(minted: Minted) -> Iterable[str]:
    """Lines: what `init` created, which file each side uses, and the next commands."""
    here = minted.directory
    yield f"Created a CA in {here}/ and a server certificate for"
    yield f"  {', '.join(plain_names(minted.certificate))}"
    yield f"valid until {_until(minted)}."
    yield ""
    yield f"  the server uses     {here / 'server.pem'}, {here / 'server.key'}"
    yield f"  the client trusts   {here / 'root.pem'}"
    yield f"  for client auth     {here / 'client.pem'}, {here / 'client.key'}"
    yield f"  CRLs, empty         {here / 'crl.pem'}"
    yield f"  the attacker uses   {here / 'rogue' / 'server.pem'}, {here / 'rogue' / 'server.key'}"
    yield "                      for the same names, issued by the rogue CA"
    yield ""
    yield "Only you can read the private keys (*.key). Keep them private."
    yield ""
    yield "Next, in two terminals:"
    covered = any(names.matches(name, x509.DNSName("localhost")) for name in _names(minted))
    yield "  tlsdemo serve" + ("" if here == CERTS else f" --certs {_quoted(here)}")
    yield "  tlsdemo connect" + ("" if covered else _name(minted)) + _trust(here)


def _names(minted: Minted) -> tuple[x509.GeneralName, ...]:
    return names.of_certificate(minted.certificate)


def _name(minted: Minted) -> str:
    return f" --name {names.plain(_names(minted)[0]).replace('*', 'www')}"


def _trust(directory: Path) -> str:
    return "" if directory == CERTS else f" --trust {_quoted(directory / 'root.pem')}"


def directory_option(directory: Path) -> str:
    """The option `--dir` for a command to copy; empty for the default folder."""
    return "" if directory == CERTS else f" --dir {_quoted(directory)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def issue_summary(minted: Minted, side: str, own_key: Path | None) -> Iterable[str]:
    """Lines: what `issue` created for the `side` ("server" or "client"), and which file each side uses.

    `own_key` is the file of the key if the user brought it.
    """
    certificate = minted.directory / minted.files[-1]
    key = own_key or minted.directory / minted.files[0]
    other = "client" if side == "server" else "server"
    yield f"Issued a {side} certificate for {', '.join(plain_names(minted.certificate))}"
    yield f"valid until {_until(minted)}."
    yield ""
    yield f"  the {side} uses     {certificate}, {key}"
    yield f"  the {other} trusts   {minted.directory / 'root.pem'}"
    if side == "server":
        yield ""
        yield "To try it, in two terminals:"
        yield f"  tlsdemo serve --cert {_quoted(certificate)}" + (f" --key {_quoted(own_key)}" if own_key else "")
        yield "  tlsdemo connect" + _name(minted) + _trust(minted.directory)


def notes(minted: Minted) -> Iterable[str]:
    """Notes for stderr: where existing files went, and whether the validity was cut."""
    if minted.moved_to:
        yield f"the previous files are now in {minted.moved_to}"
    if minted.shortened:
        yield "valid for fewer days than requested: a certificate never outlives its issuer"
    certificate = minted.certificate
    days = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days
    if days > MOST_DAYS and _is_for_servers(certificate):
        yield f"valid for {days} days; Safari and Chrome on macOS and iOS accept at most {MOST_DAYS} for a server"


MOST_DAYS = 825
"""For certificates of a root that the user added; public CAs have shorter limits (Apple, HT210176)."""


def _is_for_servers(certificate: x509.Certificate) -> bool:
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return ExtendedKeyUsageOID.SERVER_AUTH in purposes


def plain_names(certificate: x509.Certificate) -> list[str]:
    """The names in a certificate, without their type; an unusual one is quoted."""
    return [names.display(name) for name in names.of_certificate(certificate)]


def _until(minted: Minted) -> str:
    return day(minted.certificate.not_valid_after_utc)


def table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lines with columns as wide as their widest cell; the last column is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [printable(cell).ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, printable(row[-1])])
