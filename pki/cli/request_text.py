"""The output of `request` and `sign` as lines. Pure: `requests` prints them."""

import shlex
from collections.abc import Iterable

from cryptography import x509

from pki import names
from pki.cli import ca_text
from pki.console import day
from pki.errors import printable
from pki.store.requests import Requested, Signed


def requested(made: Requested, side: str) -> Iterable[str]:
    """Lines: what was made, and the command for the CA."""
    wanted = made.request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    file = made.directory / made.files[-1]
    yield f"Made a certificate request for {', '.join(names.display(name) for name in wanted)}"
    yield ""
    yield f"  for the CA      {file}"
    if len(made.files) > 1:
        yield f"  keep private    {made.directory / made.files[0]}"
    yield ""
    yield "The CA checks that these names are yours, then it signs:"
    yield f"  pki sign {shlex.quote(str(file))} --copy subjectAltName" + (" --client" if side == "client" else "")


def signed(done: Signed, side: str) -> Iterable[str]:
    """Lines: what was issued, where its contents came from, and what was left out."""
    minted, copied = done.minted, done.copied
    yield f"Issued a {side} certificate for {', '.join(ca_text.plain_names(minted.certificate))}"
    yield f"valid until {day(minted.certificate.not_valid_after_utc)}."
    yield ""
    yield f"  certificate and chain   {minted.directory / minted.files[-1]}"
    yield "  copied                  the public key" + "".join(f", {each}" for each in _copied(done))
    for each in copied.left_out:
        yield f"  left out                {printable(each.what)}: {printable(each.reason)}"
    asked, given = done.request.subject, minted.certificate.subject
    if asked != given:
        yield f"  subject                 {_dn(given)}; the request has {_dn(asked)}"


def _copied(done: Signed) -> Iterable[str]:
    if done.copied.names:
        yield "subjectAltName"
    for value, _ in done.copied.extensions:
        yield "keyUsage" if isinstance(value, x509.KeyUsage) else "extendedKeyUsage"


def _dn(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "none"
