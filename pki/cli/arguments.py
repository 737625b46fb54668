"""Command-line arguments -> values. An invalid one raises Problem with the exit code for wrong usage."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

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


UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"(\d{1,7})([smhdw]?)")


def duration(text: str, option: str) -> timedelta:
    """`30d`, `12h`, `2w`, `90m`, `10s`; a bare number is days."""
    found = DURATION.fullmatch(text)
    try:
        if found:
            return timedelta(**{UNITS[found[2] or "d"]: int(found[1])})
    except OverflowError:
        pass
    hint = "use a number and a unit: s, m, h, d or w, such as 30d"
    raise Problem(f"{option}: {text!r} is not a valid duration", hint=hint, code=ExitCode.USAGE)


def moment_or_duration(text: str, now: datetime, option: str) -> datetime:
    """A time as `moment` reads it, or one relative to `now`: `30d`, `+12h`, `-2d`."""
    sign, bare = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if not DURATION.fullmatch(bare):
        return moment(text)
    try:
        return now + sign * duration(bare, option)
    except OverflowError:
        hint = "use a year from 1 to 9999"
        raise Problem(f"{option}: {text!r} is out of range", hint=hint, code=ExitCode.USAGE) from None


def constraints(permit: Sequence[str], exclude: Sequence[str]) -> x509.NameConstraints | None:
    """The name constraints of --permit and --exclude; None without any."""
    if not permit and not exclude:
        return None
    from pki import name_constraints

    try:
        return name_constraints.constraints(permit, exclude)
    except names.InvalidName as error:
        hint = "a constraint is a host, a network such as 127.0.0.0/8, or mailboxes such as @example.test"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None


def subject(text: str | None) -> x509.Name | None:
    """A distinguished name as RFC 4514 writes it (`CN=shop.example,O=Example`); None if `text` is None."""
    if text is None:
        return None
    try:
        return x509.Name.from_rfc4514_string(text, {"emailAddress": x509.NameOID.EMAIL_ADDRESS})
    except (ValueError, KeyError) as error:
        hint = "write it as in CN=shop.example,O=Example,C=DE (RFC 4514); an empty string is an empty subject"
        reason = str(error) or "it is not a list of TYPE=value"
        raise Problem(f"{text!r} is not a valid subject", reason, hint=hint, code=ExitCode.USAGE) from None
