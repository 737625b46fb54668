"""Command-line arguments -> values. An invalid one raises Problem with the exit code for wrong usage."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509

from pki import names
from pki.console import note
from pki.errors import ExitCode, Problem

LONGEST_NAME = 50  # bytes of UTF-8: with " intermediate" appended it fits into the 64 of a common name


def client_names(texts: Sequence[str]) -> list[x509.GeneralName]:
    """Names for a certificate: hosts, wildcards, IP and mail addresses. Prints a note for a name that needs caution."""
    hint = "a name is a host, a wildcard such as *.example.test or an IP address; a client may have a mail address"
    try:
        parsed = [names.parse(text) for text in texts]
    except names.InvalidName as error:
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None
    for name in parsed:
        if warning := names.caution(name):
            note(warning)
    return parsed


def server_names(texts: Sequence[str]) -> list[x509.GeneralName]:
    """Names for a server certificate: hosts, wildcards and IP addresses."""
    parsed = client_names(texts)
    for name in parsed:
        if isinstance(name, x509.RFC822Name):
            raise Problem(
                f"{name.value!r} is a mail address; a server certificate needs a host name or an IP address",
                hint=f"for a client certificate: `pki issue --client {name.value}`",
                code=ExitCode.USAGE,
            )
    return parsed


def reference(text: str | None) -> x509.GeneralName | None:
    """The reference identifier; None if `text` is None."""
    try:
        return None if text is None else names.reference(text)
    except names.InvalidName as error:
        raise Problem(str(error), hint="give one host name or IP address", code=ExitCode.USAGE) from None


def subject_of_interest(text: str | None) -> x509.GeneralName | None:
    """The reference identifier: a host, an IP address or a mail address; None if `text` is None."""
    if text is not None and "@" in text:
        return client_names([text])[0]
    return reference(text)


def authority_name(text: str) -> str:
    """`text`, if it can be the name of a CA."""
    length = len(text.encode("utf-8", "surrogatepass"))
    if not text.strip() or length > LONGEST_NAME or not text.isprintable():
        hint = f"use 1 to {LONGEST_NAME} bytes of printable UTF-8; this name has {length}"
        raise Problem(f"{text!r} is not a valid CA name", hint=hint, code=ExitCode.USAGE)
    return text


def moment(text: str) -> datetime:
    """The UTC datetime of `2026-11-24` or `2026-11-24T12:00:00Z` (RFC 3339); without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        hint = "use a date such as 2026-11-24 or a time such as 2026-11-24T12:00:00Z"
        raise Problem(f"{text!r} is not a valid time", hint=hint, code=ExitCode.USAGE) from None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise Problem(
            f"{text!r} is out of range in UTC", hint="use a year from 1 to 9999", code=ExitCode.USAGE
        ) from None
