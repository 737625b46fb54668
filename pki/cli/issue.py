"""`pki issue`: one certificate, or one for each line of a file."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pki.cli.options import (
    Directory,
    Encrypt,
    Json,
    KeyTypeName,
    KeyTypeOption,
    LeafDays,
    NotAfter,
    NotBefore,
    PassphraseFile,
    Replace,
    RevocationUrl,
    San,
    Subject,
    print_lines,
)
from pki.console import CERTS, note, print_json, rfc3339
from pki.errors import ExitCode, Problem

if TYPE_CHECKING:
    from pki.authority import Extensions, Validity
    from pki.store.ca import Minted

DEFAULT_DAYS = 90
EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)


def issue(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Names that the certificate is valid for.")
    ] = None,
    directory: Directory = CERTS,
    client: Annotated[bool, typer.Option("--client", help="Issue a client certificate.")] = False,
    san: San = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from-file", metavar="FILE", help="One certificate a line: names, with spaces.", readable=False),
    ] = None,
    key_type: KeyTypeOption = KeyTypeName.ec_p256,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Certify this existing private key.", readable=False),
    ] = None,
    encrypt: Encrypt = False,
    passphrase_file: PassphraseFile = None,
    days: LeafDays = None,
    not_before: NotBefore = None,
    not_after: NotAfter = None,
    subject: Subject = None,
    revocation_url: RevocationUrl = None,
    force: Replace = False,
    as_json: Json = False,
) -> int:
    """Issue one certificate for all the names.

    With --from-file it issues many: each line has the names of one certificate, `#` begins a comment. Either all of
    them are issued or none.
    """
    from pki.cli import arguments, ca_text
    from pki.keys import KeyType
    from pki.profiles import CLIENT, SERVER
    from pki.store import ca as store
    from pki.store import issue as issuing

    now = datetime.now(UTC).replace(microsecond=0)
    given = [*(names or []), *(san or [])]
    _check_options(given, from_file, key, encrypt, passphrase_file, subject)
    validity = wanted_validity(days, not_before, not_after, now)
    profile = CLIENT if client else SERVER
    parse = arguments.client_names if client else arguments.server_names
    wanted = [parse(given)] if from_file is None else _lines(from_file, parse)
    own_key = _key(key)
    dn = arguments.subject(subject)
    extensions = where(revocation_url)
    orders = [issuing.Order(each, profile, validity, dn, extensions, own_key) for each in wanted]
    minted = issuing.issue(
        directory,
        orders,
        key_type=KeyType(key_type.value),
        now=now,
        existing=store.Existing.MOVE_ASIDE if force else store.Existing.REFUSE,
        passphrase=_passphrase(encrypt, passphrase_file),
    )
    side = "client" if client else "server"
    if from_file is None:
        return report_minted(minted[0], ca_text.issue_summary(minted[0], side, key), as_json)
    return _report_many(minted, side, as_json)


def _check_options(
    given: Sequence[str],
    from_file: Path | None,
    key: Path | None,
    encrypt: bool,
    passphrase_file: Path | None,
    subject: str | None,
) -> None:
    """Raises Problem for options that exclude each other."""
    if from_file is None and not given:
        raise Problem("no name was given", hint="pki issue NAME ..., or --from-file FILE", code=ExitCode.USAGE)
    clashes = [
        (from_file and given, "--from-file has the names; NAME and --san are not allowed with it"),
        (from_file and key, "--key is one key, and --from-file issues many certificates"),
        (from_file and subject is not None, "--subject is one subject, and --from-file issues many certificates"),
        (encrypt and key, "--encrypt is for a new key; the file of --key is not changed"),
        (passphrase_file and not encrypt, "--passphrase-file is used with --encrypt alone"),
    ]
    for clash, fact in clashes:
        if clash:
            raise Problem(fact, hint="-h explains the options", code=ExitCode.USAGE)


def wanted_validity(days: int | None, not_before: str | None, not_after: str | None, now: datetime) -> "Validity":
    """The validity that --days, --not-before and --not-after ask for."""
    from datetime import timedelta

    from pki.authority import Validity
    from pki.cli import arguments
    from pki.store import issue as issuing

    if days is not None and not_after is not None:
        raise Problem("--days and --not-after both set the end", hint="give one of them", code=ExitCode.USAGE)
    usual = issuing.validity(now, days or DEFAULT_DAYS)
    begin = usual.not_before if not_before is None else arguments.moment_or_duration(not_before, now, "--not-before")
    if not_after is not None:
        end = arguments.moment_or_duration(not_after, now, "--not-after")
    elif not_before is not None:
        try:
            end = begin + timedelta(days or DEFAULT_DAYS)
        except OverflowError:
            raise Problem("the validity ends after the year 9999", hint="use fewer days", code=ExitCode.USAGE) from None
    else:
        end = usual.not_after
    if not_before is None and end <= begin:  # an end in the past alone: begin before it
        begin = max(end, EARLIEST + timedelta(days or DEFAULT_DAYS)) - timedelta(days or DEFAULT_DAYS)
    if min(begin, end) < EARLIEST:
        fact = "the validity begins or ends before 1950, which a certificate cannot state"
        raise Problem(
            fact,
            "UTCTime has the years 1950 to 2049 (RFC 5280 §4.1.2.5.1)",
            hint="use a later year",
            code=ExitCode.USAGE,
        )
    return Validity(begin.replace(microsecond=0), end.replace(microsecond=0))


def _lines(path: Path, parse: Any) -> list[list[Any]]:
    """The names of each certificate in a file of --from-file."""
    from pki.store.files import holder, read_bytes

    try:
        lines = read_bytes(path, "give a text file with the names of one certificate a line").decode().splitlines()
    except UnicodeDecodeError as error:
        raise Problem(f"{holder(path)} is not UTF-8 text: {error}", hint="one certificate a line") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if words := line.partition("#")[0].split():
            try:
                found.append(parse(words))
            except Problem as problem:
                problem.evidence = (f"line {number} of {holder(path)}", *problem.evidence)
                raise
    if not found:
        raise Problem(f"{holder(path)} has no names", hint="one certificate a line, names separated by spaces")
    return found


def _key(path: Path | None) -> Any:
    if path is None:
        return None
    from pki.store.files import read_key

    return read_key(path)


def _passphrase(encrypt: bool, file: Path | None) -> bytes | None:
    if not encrypt:
        return None
    from pki.store.files import new_passphrase

    return new_passphrase(file, "the new key")


def where(url: str | None) -> "Extensions":
    """The extensions that tell a client where CRL and OCSP responder are (RFC 5280 §4.2.1.13, §4.2.2.1)."""
    if url is None:
        return ()
    from urllib.parse import urlsplit

    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) and parts.query == ""
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or set(url) & set(' #?"<>\\^`{|}'):
        raise Problem(
            f"{url!r} is not a URL", hint="use http://HOST:PORT, as `pki publish` prints", code=ExitCode.USAGE
        )
    base = url.rstrip("/")
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{base}/intermediate.crl")], None, None, None)
    ocsp = x509.UniformResourceIdentifier(f"{base}/ocsp")
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, ocsp)
    return [(x509.CRLDistributionPoints([point]), False), (x509.AuthorityInformationAccess([access]), False)]


def report_minted(minted: "Minted", summary: Iterable[str], as_json: bool) -> int:
    """Print the result of a command that issued one certificate."""
    from pki.cli import ca_text

    for remark in ca_text.notes(minted):
        note(remark)
    if as_json:
        print_json(minted_json(minted))
    else:
        print_lines(summary)
    return ExitCode.YES


def minted_json(minted: "Minted") -> dict[str, Any]:
    """The JSON for one new certificate."""
    from pki.cli import ca_text

    certificate = minted.certificate
    return {
        "directory": str(minted.directory),
        "names": ca_text.plain_names(certificate),
        "serial": f"{certificate.serial_number:x}",
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "files": list(minted.files),
        "moved_to": str(minted.moved_to) if minted.moved_to else None,
    }


def _report_many(minted: Sequence["Minted"], side: str, as_json: bool) -> int:
    from pki.cli import ca_text

    for remark in dict.fromkeys(line for each in minted for line in ca_text.notes(each)):
        note(remark)
    if as_json:
        print_json({"certificates": [minted_json(each) for each in minted]})
        return ExitCode.YES
    count = len(minted)
    print_lines(
        [
            f"Issued {count} {side} certificate{'' if count == 1 else 's'} in {minted[0].directory}/",
            f"  {minted[0].files[-1]}" + (f" … {minted[-1].files[-1]}" if count > 1 else ""),
        ]
    )
    return ExitCode.YES
