"""Find a certificate of a folder by name, file or serial number. EDGE.

shop.example    shop.example.pem, or the file whose certificate has this name
FILE            any certificate file
7c3f…           a serial number in hex, also of a certificate that `renew`, `rekey` or `--force` moved to `.pki/old-*`
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from pki import names
from pki.errors import ExitCode, Problem
from pki.malformed import guarded
from pki.objects.signatures import signed_by
from pki.store.files import read_first
from pki.store.transaction import STATE

SERIAL = re.compile(r"(0x)?([0-9a-fA-F]{1,2}(:[0-9a-fA-F]{2})+|[0-9a-fA-F]+)")
MOST_BITS = 159  # 20 octets, positive
LONG_ENOUGH = 16  # hex digits of a serial number that no file has: a shorter one may be a name with a typing error


@dataclass(frozen=True)
class Found:
    """What the user meant."""

    serial: int
    certificate: x509.Certificate | None
    """None for a serial number that no file of the folder has."""
    path: Path | None


def find(directory: Path, text: str) -> Found:
    """The certificate that `text` means. Raises Problem if there is none, or more than one."""
    if os.sep not in text:
        for stem in dict.fromkeys((text, _stem(text))):
            if stem and _is_file(directory / f"{stem}.pem"):
                return _first(directory / f"{stem}.pem")
    if _is_file(Path(text)):
        return _first(Path(text))
    if os.sep not in text:
        by_name = [found for found in _all(directory, old=False) if text.lower() in _names(found)]
        if len(by_name) > 1:
            raise Problem(
                f"{len(by_name)} certificates in {directory} are for {text}",
                *(f"{found.path}, serial number {found.serial:x}" for found in by_name[:4]),
                hint="give the file or the serial number",
                code=ExitCode.USAGE,
            )
        if by_name:
            return by_name[0]
    if SERIAL.fullmatch(text):
        digits = text.removeprefix("0x").replace(":", "")
        serial = int(digits, 16)
        if not 0 < serial < 1 << MOST_BITS:
            raise Problem(
                f"{text[:80]} is not a serial number: it is between 1 and 2^{MOST_BITS} (RFC 5280 §4.1.2.2)",
                hint="`pki list --json` has the serial numbers",
                code=ExitCode.USAGE,
            )
        known = next((found for found in _all(directory, old=True) if found.serial == serial), None)
        if known:
            return known
        if len(digits) >= LONG_ENOUGH:
            return Found(serial, None, None)
    raise Problem(
        f"{directory} has no certificate {text!r}",
        hint="give a name or a file that `pki list` shows, a path, or a serial number",
    )


def issued_by(directory: Path, signers: Sequence[x509.Certificate]) -> frozenset[tuple[x509.Name, int]]:
    """Issuer and serial number of the certificates in the folder that these CAs signed, the previous ones included."""
    return frozenset(
        (found.certificate.issuer, found.serial)
        for found in _all(directory, old=True)
        if found.certificate is not None and any(signed_by(found.certificate, signer) for signer in signers)
    )


def with_same_key(directory: Path, found: Found) -> list[Found]:
    """Other certificates of the folder, the previous ones included, with the key of this one."""
    key = guarded(found.certificate.public_key) if found.certificate else None
    if key is None:
        return []
    return [
        each
        for each in _all(directory, old=True)
        if each.certificate and each.certificate != found.certificate and guarded(each.certificate.public_key) == key
    ]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or a NUL
        return False


def _stem(text: str) -> str | None:
    try:
        return names.file_stem(names.parse(text))
    except names.InvalidName:
        return None


def _first(path: Path) -> Found:
    certificate = read_first(path)
    return Found(certificate.serial_number, certificate, path)


def _names(found: Found) -> list[str]:
    return [names.plain(name).lower() for name in names.readable(found.certificate)] if found.certificate else []


def _all(directory: Path, *, old: bool) -> Iterator[Found]:
    """Yield the readable certificates of the folder, with `old` also the previous ones."""
    paths = sorted(directory.glob("*.pem"))
    if old:
        paths += sorted((directory / STATE).glob("old-*/*.pem"))
    for path in paths:
        if path.name == "crl.pem":
            continue
        try:
            yield _first(path)
        except Problem:  # damaged; `pki list` says so
            continue
