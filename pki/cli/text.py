"""Results as lines of text for people, 80 columns where the values allow it. Pure: `cli` prints what these return."""

import shlex
import textwrap
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path

from cryptography import x509

from pki import names
from pki.authority import Credential
from pki.console import CERTS
from pki.errors import printable
from pki.path.request import Request
from pki.show import diff
from pki.show.describe import Description, Row
from pki.show.diff import Difference
from pki.store.ca import Minted, day
from pki.verdict import NOT_REACHED, Result, Verdict
from pki.verifiers import disagreements
from pki.verifiers.opinions import Opinion


def init_summary(minted: Minted) -> Iterable[str]:
    """What `init` made, who uses which file, and what to type next."""
    here = minted.directory
    yield f"A new certificate authority in {here}/, and a server certificate for"
    yield f"  {', '.join(plain_names(minted.credential))}"
    yield f"valid until {_until(minted)}."
    yield ""
    yield f"  the server uses     {here / 'server.pem'}, {here / 'server.key'}"
    yield f"  the client uses     {here / 'root.pem'}: the one file that it needs"
    yield f"  if asked for one    {here / 'client.pem'}, {here / 'client.key'}"
    yield f"  revoked             {here / 'crl.pem'}: nothing yet"
    yield f"  the attacker uses   {here / 'rogue' / 'server.pem'}, {here / 'rogue' / 'server.key'}"
    yield "                      the same names; signed by his imitation of your root"
    yield ""
    yield "Keys (*.key) are readable by you alone: keep it so."
    yield ""
    yield "Next, in two terminals:"
    covered = any(names.matches(name, x509.DNSName("localhost")) for name in _names(minted))
    yield "  tlsdemo serve" + ("" if here == CERTS else f" --certs {_quoted(here)}")
    yield "  tlsdemo connect" + ("" if covered else _name(minted)) + _trust(here)


def _names(minted: Minted) -> tuple[x509.GeneralName, ...]:
    return names.of_certificate(minted.credential.certificate)


def _name(minted: Minted) -> str:
    return f" --name {names.plain(_names(minted)[0]).replace('*', 'www')}"


def _trust(directory: Path) -> str:
    return "" if directory == CERTS else f" --trust {_quoted(directory / 'root.pem')}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def issue_summary(minted: Minted, side: str) -> Iterable[str]:
    """What `issue` made for the `side` ("server" or "client"), and who uses which file."""
    key, certificate = (minted.directory / file for file in minted.files)
    other = "client" if side == "server" else "server"
    yield f"A {side} certificate for {', '.join(plain_names(minted.credential))}"
    yield f"valid until {_until(minted)}."
    yield ""
    yield f"  the {side} uses     {certificate}, {key}"
    yield f"  the {other} trusts   {minted.directory / 'root.pem'}"
    if side == "server":
        yield ""
        yield "To see it work, in two terminals:"
        yield f"  tlsdemo serve --cert {_quoted(certificate)}"
        yield "  tlsdemo connect" + _name(minted) + _trust(minted.directory)


def notes(minted: Minted) -> Iterable[str]:
    """What a person should know besides."""
    if minted.moved_to:
        yield f"what was there before is now in {minted.moved_to}"
    if minted.shortened:
        yield "fewer days than asked: a certificate never outlives its issuer"


def plain_names(credential: Credential) -> list[str]:
    """The names in a certificate as a person types them; an unusual one is quoted."""
    return [names.display(name) for name in names.of_certificate(credential.certificate)]


def _until(minted: Minted) -> str:
    return day(minted.credential.certificate.not_valid_after_utc)


def table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Columns as wide as their widest cell; the last one runs free."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [printable(cell).ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, printable(row[-1])])


class Explain(Enum):
    """How much to say of each field."""

    NOTHING = "nothing"
    REASONS = "reasons"


def descriptions(found: Sequence[Description], explain: Explain) -> Iterable[str]:
    """Every object with its rows; if asked for, beneath a row its reason where it is met for the first time."""
    explained: set[str] = set()
    for place, described in enumerate(found, start=1):
        number = f"{place} of {len(found)}: " if len(found) > 1 else ""
        yield from textwrap.wrap(
            number + clipped(described.title, LONGEST_TITLE), 80, subsequent_indent=" " * len(number)
        )
        for row in described.rows:
            yield from _columns(row.label, _cut(row))
            if explain is Explain.REASONS and row.reason not in explained:
                yield from _columns("", row.reason, "· ")
            explained.add(row.reason)
        yield ""
    if explain is Explain.REASONS:
        yield "§ without a name is RFC 5280."
    else:
        yield "--explain says why each is there."


MOST_CHARACTERS = 1_200  # of a value on a terminal; JSON has the whole
LONGEST_TITLE = 300


def _cut(row: Row) -> str:
    """The value for a terminal: of a long list the first items, of a long text the first characters."""
    value = row.value
    if len(row.items) > names.LONGEST_LIST:
        value = names.cut(row.items) + row.value[len(", ".join(row.items)) :]
    return clipped(value)


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text, or its first characters and how many more there are."""
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} more characters"


def _columns(label: str, text: str, mark: str = "") -> Iterable[str]:
    for number, line in enumerate(textwrap.wrap(text, 56 - len(mark)) or [""]):
        yield f"  {label if number == 0 else '':<21}{mark if number == 0 else ' ' * len(mark)}{line}".rstrip()


def difference(fields: Sequence[Difference]) -> Iterable[str]:
    """Two certificates side by side, and what the eye could have noticed."""
    for field in fields:
        yield f"  {'same      ' if field.same else 'DIFFERENT '}{field.label:<20}{_clip(field.one)}"
        if not field.same:
            yield f"{'':32}{_clip(field.other)}"
    yield ""
    different = [field.label for field in fields if not field.same]
    if not different:
        yield "They are the same certificate."
    elif set(different) <= diff.ARITHMETIC:
        yield f"Only {_and(different)} differ: mere numbers to the eye."
        yield "Which one is real? Neither tells; a fingerprint from another source does."
    else:
        yield from textwrap.wrap(f"They differ in {_and(different)}.", 80)


def verdict(judged: Verdict) -> Iterable[str]:
    """Each check with its answer; sections and hints beneath."""
    unreached = [check.name for check in judged.checks if check.detail == NOT_REACHED]
    for check in judged.checks:
        if check.detail == NOT_REACHED:
            continue
        for number, line in enumerate(textwrap.wrap(f"{clipped(printable(check.detail))} ({check.section})", 56)):
            mark = f"{check.result.value:<10}{check.name:<12}" if number == 0 else ""
            yield f"  {mark:<22}{line}"
        if check.hint and check.result is not Result.PASSED:
            for line in textwrap.wrap(f"hint: {clipped(printable(check.hint))}", 56, subsequent_indent="      "):
                yield f"{'':24}{line}"
    for number, line in enumerate(textwrap.wrap(", ".join(unreached), 66)):
        yield f"  {'not made' if number == 0 else '':<10}{line}"
    for remark in judged.remarks:
        for number, line in enumerate(textwrap.wrap(f"{printable(remark.detail)} ({remark.section})", 56)):
            mark = f"{'remark':<10}{remark.name:<12}" if number == 0 else ""
            yield f"  {mark:<22}{line}"
        if remark.hint:
            for line in textwrap.wrap(f"hint: {remark.hint}", 56, subsequent_indent="      "):
                yield f"{'':24}{line}"


def opinions(judged: Verdict, others: Iterable[Opinion], request: Request) -> Iterable[str]:
    """What other verifiers say; where they say otherwise, why, if that is known."""
    for each in others:
        for number, line in enumerate(textwrap.wrap(opinion(each, judged, request), 54)):
            yield f"  {'others' if number == 0 else '':<10}{each.engine if number == 0 else '':<12}  {line}"


def opinion(said: Opinion, judged: Verdict, request: Request) -> str:
    """What one of them says, in a sentence."""
    words = "accepted" if said.accepted else f"REFUSED: {clipped(printable(said.words))}"
    if not said.disagrees_with(judged):
        return words
    return f"{words} (otherwise: {disagreements.reason(said, judged, request) or 'we do not know why'})"


def remark(words: str) -> Iterable[str]:
    """What a user should know besides the checks."""
    for number, line in enumerate(textwrap.wrap(clipped(printable(words)), 66)):
        yield f"  {'remark' if number == 0 else '':<10}{line}"


def _clip(text: str | None, width: int = 48) -> str:
    shown = "(none)" if text is None else text
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
