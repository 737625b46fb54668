"""The commands bundle and export. EDGE; imports as little at the top as `pki.cli.main`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pki.cli.options import Json
from pki.console import note, print_json
from pki.errors import ExitCode, printable

if TYPE_CHECKING:
    from pki.store.bundle import Bundle, Found, LeftOut


def bundle(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Certificates, chains, PKCS #7 or #12, keys; - is stdin.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the chain to FILE (default: stdout).")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key that chooses the leaf.", readable=False)
    ] = None,
    as_json: Json = False,
) -> int:
    """Put certificates in the order that a server sends.

    The leaf comes first, and each certificate is signed by the next. The root is left out: a client has it already.
    """
    from pki.objects.distinguished_names import subject
    from pki.store.bundle import bundle as bundled
    from pki.store.bundle import only_replaces
    from pki.store.output import Output
    from pki.store.transaction import notice_around

    for each in files:
        notice_around(Path(each))
    found = bundled([Path(each) for each in files], key, remark=note)
    leaf = subject(found.chain[0].certificate)
    if out is not None:
        output = Output(out, "--out", only_replaces([each.certificate for each in found.chain]))
        output.check()
        output.write(found.pem)
    if as_json:
        print_json(_bundle_json(found, out))
        return ExitCode.YES
    if found.key_file:
        note(f"the key in {found.key_file} belongs to {leaf}, in {found.chain[0].file}")
    for left in found.left_out:
        note(f"left out {subject(left.certificate)} in {left.file}: {left.why}")
    if found.is_self_signed:
        note(f"{leaf} is self-signed: a client must trust this certificate itself")
    if found.top_issuer:
        last = subject(found.chain[-1].certificate)
        note(f"the issuer of {last} is not in the files: {found.top_issuer}; it must be a root that clients trust")
    if out is None or str(out) == "-":
        if out is None:
            print(found.pem.decode(), end="")
        return ExitCode.YES
    count = len(found.chain)
    print(f"Wrote the chain of {leaf} to {printable(str(out))}: {count} certificate{'' if count == 1 else 's'}.")
    return ExitCode.YES


def _bundle_json(found: "Bundle", out: Path | None) -> dict[str, object]:
    from pki.objects import summary

    def described(each: "Found | LeftOut") -> dict[str, object]:
        fields = summary.of_certificate(each.certificate)
        return {"subject": fields.whole_subject, "serial": f"{each.certificate.serial_number:x}", "file": each.file}

    return {
        "chain": [described(each) for each in found.chain],
        "left_out": [described(each) | {"why": each.why} for each in found.left_out],
        "key": found.key_file,
        "issuer_not_in_files": found.top_issuer,
        "file": None if out is None else str(out),
        "pem": found.pem.decode(),
    }
