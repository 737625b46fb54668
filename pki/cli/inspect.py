"""The commands show, diff and verify. EDGE; imports as little at the top as `pki.cli.main`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pki.cli.options import Directory, Json, ProfileName, PurposeName
from pki.console import CERTS, print_json
from pki.errors import ExitCode, Problem, printable

if TYPE_CHECKING:
    from pki.show.dump import Dump

EXPECTED = "give a certificate, request, CRL, key or PKCS #12 file, in PEM or DER"


def show(
    file: Annotated[
        Path,
        typer.Argument(help="Certificates, request, CRL, key or PKCS #12; - is stdin.", readable=False),
    ],
    explain: Annotated[bool, typer.Option("--explain", help="Explain each field.")] = False,
    der: Annotated[bool, typer.Option("--der", help="Print the DER bytes, element by element.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Also print private key values.")] = False,
    as_json: Json = False,
) -> int:
    """Show every field of the objects in a file."""
    from pki.cli import show_text
    from pki.objects.secrecy import holds_a_private_key
    from pki.show import dump, parse
    from pki.show.describe import KeyNumbers
    from pki.store.files import note_if_exposed, read_bytes, read_passphrase
    from pki.store.transaction import notice_around

    notice_around(file)
    data = read_bytes(file)
    if str(file) != "-" and holds_a_private_key(data):
        note_if_exposed(file)
    hidden = KeyNumbers.SHOWN if secrets else KeyNumbers.HIDDEN
    if der:
        return _bytes_of(file, data, dump.of_file(data, hidden), as_json)
    found = list(parse.everything(data, secrets=hidden, passphrase=read_passphrase()))
    if not found:
        raise _nothing(file, data)
    if as_json:
        objects = [
            {"title": each.title, "rows": [{"label": r.label, "value": r.value, "reason": r.reason} for r in each.rows]}
            for each in found
        ]
        print_json({"file": str(file), "objects": objects})
    else:
        _print(show_text.descriptions(found, show_text.Explain.REASONS if explain else show_text.Explain.NOTHING))
    if any(each.title == CLOSED for each in found):
        raise Problem(f"cannot open the PKCS #12 file {file}", hint="the row `because` above has the reason")
    return ExitCode.YES


CLOSED = "PKCS #12, closed"


def _nothing(file: Path, data: bytes) -> Problem:
    """The Problem for a file without a known object; it names the file's format where that is recognised."""
    from pki.objects import foreign
    from pki.store.files import holder

    fact = f"{holder(file)} contains no certificate, request, CRL or key"
    if instead := foreign.what_is(data):
        return Problem(fact, f"this is {instead.what}", hint=instead.hint)
    if b"-----BEGIN " in data:
        return Problem(fact, "no PEM block in it is complete", hint=EXPECTED)
    # The bytes are not printed: they may be a private key in an unknown form.
    return Problem(fact, f"its {len(data)} bytes are neither PEM nor DER of a known type", hint=EXPECTED)


def _bytes_of(file: Path, data: bytes, found: "Iterable[tuple[str, Dump | str]]", as_json: bool) -> int:
    from pki.show import dump

    objects = list(found)
    if not objects:
        raise _nothing(file, data)
    if as_json:
        print_json({"file": str(file), "objects": [dump.as_data(title, each) for title, each in objects]})
        return ExitCode.YES
    for title, each in objects:
        print(title)
        _print([f"  {printable(each)}"] if isinstance(each, str) else dump.table(each))
        print()
    return ExitCode.YES


def diff(
    one: Annotated[
        Path, typer.Argument(metavar="FILE", help="Certificate; of a chain, the first certificate.", readable=False)
    ],
    other: Annotated[Path, typer.Argument(metavar="FILE2", help="Certificate to compare FILE with.", readable=False)],
    as_json: Json = False,
) -> int:
    """Compare two certificates field by field."""
    from pki.cli import show_text
    from pki.show import diff as compare
    from pki.show.describe import fingerprint
    from pki.store.files import first_certificate
    from pki.store.transaction import notice_around

    notice_around(one)
    notice_around(other)
    ders = first_certificate(one), first_certificate(other)
    fields = compare.difference(*ders)
    hashes = [fingerprint(der) for der in ders]
    if as_json:
        different = [field.label for field in fields if not field.same]
        rows = [{"label": f.label, "same": f.same, "one": f.one, "other": f.other} for f in fields]
        both = {"one": str(one), "other": str(other), "one_sha256": hashes[0], "other_sha256": hashes[1]}
        print_json({**both, "different": different, "fields": rows})
        return ExitCode.YES
    print(f"{printable(str(one))}  and  {printable(str(other))}\n")
    _print(show_text.difference(fields))
    if any(not field.same for field in fields):
        print("\nFingerprints (SHA-256):")
        for file, each in zip((one, other), hashes, strict=True):
            _print([f"  {printable(str(file))}", f"    {each}"])
    return ExitCode.YES


def verify(
    file: Annotated[Path, typer.Argument(help="Certificate, then its intermediates; - is stdin.", readable=False)],
    directory: Directory = CERTS,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Host name, IP or mail address that it must be valid for."),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", help="Trust anchors, file or folder (default: root.pem in --dir).", readable=False),
    ] = None,
    crl: Annotated[
        list[Path] | None,
        typer.Option("--crl", help="CRLs (repeatable; default: crl.pem beside --trust).", readable=False),
    ] = None,
    untrusted: Annotated[
        Path | None, typer.Option("--untrusted", help="More intermediates; not trust anchors.", readable=False)
    ] = None,
    purpose: Annotated[
        PurposeName, typer.Option("--purpose", help="Role that the certificate is checked for.")
    ] = PurposeName.server,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="Validate at this time, such as 2026-11-24T12:00:00Z.")
    ] = None,
    profile: Annotated[
        ProfileName, typer.Option("--profile", help="Rules to apply; each profile includes those before it.")
    ] = ProfileName.tls,
    as_json: Json = False,
) -> int:
    """Validate a certificate and show each check.

    Each check is shown with its RFC section. The first check that fails decides.
    """
    from pki import names, path
    from pki.cli import arguments, verdict_text
    from pki.objects import summary
    from pki.path.misplaced import misplaced
    from pki.path.request import Request
    from pki.store import files
    from pki.store.transaction import notice_around, notice_half_done
    from pki.verdict import PathProfile, Purpose
    from pki.verifiers import disagreements, opinions

    moment = arguments.moment(at) if at is not None else datetime.now(UTC)
    notice_half_done(directory)
    notice_around(file)
    remarks: list[str] = []
    chain = files.read_chain(file, remark=remarks.append)
    anchor_file = trust or directory / "root.pem"
    lists = crl or files.crls_beside(anchor_file)
    request = Request(
        chain[0],
        intermediates=(*chain[1:], *(files.read_anchors(untrusted, remark=remarks.append) if untrusted else ())),
        trust_anchors=files.read_anchors(
            anchor_file,
            hint="create a CA with `pki init`, or name trust anchors with --trust",
            remark=remarks.append,
            purpose=PURPOSES[purpose],
        ),
        name=arguments.subject_of_interest(name),
        purpose=Purpose(purpose.value),
        at=moment,
        crls=tuple(each for file in lists for each in files.read_crls(file, remarks.append)),
        profile=PathProfile(profile.value),
        max_depth=path.MAX_DEPTH,
    )
    verdict = path.judge(request)
    if words := misplaced(chain, request, verdict):
        remarks.append(words)
    others = tuple(opinions.opinions(request))
    code = ExitCode.YES if verdict.accepted else ExitCode.NO
    presented = [names.show(each) for each in names.readable(chain[0])]
    if as_json:
        checks = [
            {"name": c.name, "result": c.result.value, "detail": c.detail, "section": c.section, "hint": c.hint}
            for c in verdict.checks
        ]
        print_json(
            {
                "file": str(file),
                "trust": str(anchor_file),
                "accepted": verdict.accepted,
                "reason": verdict.reason,
                "presented": presented,
                "remarks": [*remarks, *(f"{each.detail} ({each.section})" for each in verdict.remarks)],
                "checks": checks,
                "chain": [summary.of_certificate(each).whole_subject for each in verdict.chain],
                "engines": [
                    {
                        "engine": each.engine,
                        "accepted": each.accepted,
                        "words": each.words,
                        "agrees": not each.disagrees_with(verdict),
                        "why_not": disagreements.reason(each, verdict, request),
                    }
                    for each in others
                ],
            }
        )
        return code
    answer = verdict_text.answer(verdict)
    judged, trusted = ("standard input" if str(file) == "-" else printable(str(file))), printable(str(anchor_file))
    conclusion = f"{judged} is {answer}{'' if name else ' (names not checked)'}, trusting {trusted}"
    print(conclusion)
    _print(verdict_text.verdict(verdict))
    _print(verdict_text.opinions(verdict, others, request))
    for each in remarks:
        _print(verdict_text.remark(each))
    print(conclusion)  # again: the beginning may have left the screen
    return code


PURPOSES = {
    PurposeName.server: "1.3.6.1.5.5.7.3.1",
    PurposeName.client: "1.3.6.1.5.5.7.3.2",
    PurposeName.any: None,
}
"""The object identifiers by which OpenSSL's trust settings name a purpose."""


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines))
