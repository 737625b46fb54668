"""What a person types -> values; what is wrong with it is a Problem with the exit code for usage."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509

from pki import names
from pki.console import note
from pki.errors import ExitCode, Problem

LONGEST_NAME = 50  # bytes of UTF-8, as the library counts: with " intermediate" at most the 64 of a common name


def client_names(texts: Sequence[str]) -> list[x509.GeneralName]:
    """Names for a certificate; what a person should know of one besides is noted."""
    hint = "names are hosts, *.hosts, IP addresses; for a client also mail addresses"
    try:
        parsed = [names.parse(text) for text in texts]
    except names.InvalidName as error:
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None
    for name in parsed:
        if warning := names.caution(name):
            note(warning)
    return parsed


def server_names(texts: Sequence[str]) -> list[x509.GeneralName]:
    """Names for a server's certificate: such as a client can ask for."""
    parsed = client_names(texts)
    for name in parsed:
        if isinstance(name, x509.RFC822Name):
            raise Problem(
                f"{name.value!r} is a mail address: no client asks a server for one",
                hint=f"a client may have it: `pki issue --client {name.value}`",
                code=ExitCode.USAGE,
            )
    return parsed


def reference(text: str | None) -> x509.GeneralName | None:
    """The name that a client asks for; None where none is given."""
    try:
        return None if text is None else names.reference(text)
    except names.InvalidName as error:
        raise Problem(str(error), hint="give one host name or IP address", code=ExitCode.USAGE) from None


def subject_of_interest(text: str | None) -> x509.GeneralName | None:
    """What a certificate is judged for: a host or an address that a client asks for, or somebody's mail address."""
    if text is not None and "@" in text:
        return client_names([text])[0]
    return reference(text)


def authority_name(text: str) -> str:
    """The name of a CA."""
    length = len(text.encode("utf-8", "surrogatepass"))
    if not text.strip() or length > LONGEST_NAME or not text.isprintable():
        hint = f"printable characters, of 1 to {LONGEST_NAME} bytes in UTF-8; here are {length}"
        raise Problem(f"{text!r} cannot be a CA's name", hint=hint, code=ExitCode.USAGE)
    return text


def moment(text: str) -> datetime:
    """`2026-11-24`, or `2026-11-24T12:00:00Z` (RFC 3339); without a zone it is UTC. A Problem for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        hint = "--at 2026-11-24T12:00:00Z"
        raise Problem(f"{text!r} is no moment", hint=hint, code=ExitCode.USAGE) from None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise Problem(
            f"{text!r} is beyond the calendar", hint="a year between 1 and 9999", code=ExitCode.USAGE
        ) from None
