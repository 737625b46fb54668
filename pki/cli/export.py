"""The commands bundle and export. EDGE; imports as little at the top as `pki.cli.main`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pki.cli.options import Directory, Json
from pki.console import CERTS, note, print_json
from pki.errors import ExitCode, Problem, printable

if TYPE_CHECKING:
    from pki.cli.export_text import Exported
    from pki.store.bundle import Bundle, Found, LeftOut
    from pki.store.export import Password, Source, Strength


# bundle -------------------------------------------------------------------------------------------------------------


def bundle(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Certificates, chains, PKCS #7 or #12, keys; - is stdin.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the chain to FILE (default: stdout).", readable=False),
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


# export -------------------------------------------------------------------------------------------------------------


def export(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Certificate: server, shop.example, root, or a path.")
    ] = None,
    p12: Annotated[
        Path | None, typer.Option("--p12", metavar="FILE", help="Write key and chain as PKCS #12.", readable=False)
    ] = None,
    trust_p12: Annotated[
        Path | None, typer.Option("--trust-p12", metavar="FILE", help="Write a Java trust store.", readable=False)
    ] = None,
    hashed_dir: Annotated[
        Path | None,
        typer.Option("--hashed-dir", metavar="DIR", help="Write trust anchor and CRLs for -CApath.", readable=False),
    ] = None,
    p7b: Annotated[
        Path | None, typer.Option("--p7b", metavar="FILE", help="Write the chain as PKCS #7, in PEM.", readable=False)
    ] = None,
    der: Annotated[
        Path | None, typer.Option("--der", metavar="FILE", help="Write the certificate alone in DER.", readable=False)
    ] = None,
    directory: Directory = CERTS,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Private key (default: NAME.key).", readable=False),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", metavar="FILE", help="Password for PKCS #12; - is stdin.", readable=False),
    ] = None,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Use 3DES and SHA-1, for old importers of PKCS #12.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Write a certificate for other programs.

    NAME may be left out for --trust-p12 and --hashed-dir, which then take the root. Without --password-file and
    PKI_PASSPHRASE_FILE, a password for PKCS #12 is generated and printed.
    """
    from pki.cli import export_text
    from pki.store import export as store
    from pki.store.transaction import notice_half_done

    targets = {"--p12": p12, "--trust-p12": trust_p12, "--hashed-dir": hashed_dir, "--p7b": p7b, "--der": der}
    option, target = _the_only(targets)
    for given, needs, allowed in (
        (key is not None, "--key", ("--p12",)),
        (password_file is not None, "--password-file", ("--p12", "--trust-p12")),
        (legacy, "--legacy", ("--p12", "--trust-p12")),
    ):
        if given and option not in allowed:
            raise Problem(f"{needs} needs {' or '.join(allowed)}", hint="leave it out", code=ExitCode.USAGE)
    anchors = option in ("--trust-p12", "--hashed-dir")
    if name is None and not anchors:
        raise Problem(
            f"{option} needs the NAME of a certificate",
            hint=f"`pki export server {option} FILE`; `pki list` lists the certificates",
            code=ExitCode.USAGE,
        )
    notice_half_done(directory)
    source = store.Source.find(directory, store.ANCHOR if name is None else name)
    if anchors:
        store.check_anchor(source, option)
    if _is_stdout(target) and option != "--hashed-dir" and as_json:
        raise Problem(f"--json and {option} {target} both write to stdout", hint="leave one out", code=ExitCode.USAGE)
    strength = store.Strength.LEGACY if legacy else store.Strength.MODERN
    if legacy:
        note(export_text.LEGACY)
    match option:
        case "--p12":
            done = _p12(source, target, key, password_file, strength)
        case "--trust-p12":
            done = _trust_p12(source, target, password_file, strength)
        case "--hashed-dir":
            done = _hashed(source, target, directory)
        case _:
            done = _public(source, option, target)
    for each in export_text.notes(done):
        note(each)
    if as_json:
        print_json(export_text.as_data(done))
    elif not done.streamed:
        print("\n".join(export_text.summary_lines(done)))
    return ExitCode.YES


def _the_only(targets: "dict[str, Path | None]") -> tuple[str, Path]:
    """The option that is given, and its value. Raises Problem unless there is exactly one."""
    given = [(option, target) for option, target in targets.items() if target is not None]
    if len(given) == 1:
        return given[0]
    if not given:
        fact = "no format is given"
    else:
        fact = f"{' and '.join(option for option, _ in given)} are mutually exclusive"
    raise Problem(fact, hint=f"give one of {', '.join(targets)}", code=ExitCode.USAGE)


def _is_stdout(target: Path) -> bool:
    from pki.store.output import descriptor_of

    return descriptor_of(target) == 1


def _p12(
    source: "Source", target: Path, key: Path | None, password_file: Path | None, strength: "Strength"
) -> "Exported":
    from pki.cli.export_text import Exported
    from pki.store import export as store
    from pki.store.output import SECRET, Output

    credential = source.credential(key)
    secret = _password(target, "--p12", password_file)
    output = Output(target, "--p12", store.same_key(credential, secret), mode=SECRET)
    output.check()
    output.write(store.pkcs12(credential, source.name, secret, strength))
    rounds = store.ITERATIONS[strength]
    return Exported(source, "--p12", target, strength, rounds, secret, streamed=_is_stdout(target))


def _trust_p12(source: "Source", target: Path, password_file: Path | None, strength: "Strength") -> "Exported":
    from pki.cli.export_text import Exported
    from pki.store import export as store
    from pki.store.output import Output

    secret = _password(target, "--trust-p12", password_file)
    output = Output(target, "--trust-p12", store.only_the_anchor(source.certificate, secret))
    output.check()
    output.write(store.trust_store(source.certificate, source.name, secret, strength))
    rounds = store.PUBLIC_ITERATIONS[strength]
    return Exported(source, "--trust-p12", target, strength, rounds, secret, streamed=_is_stdout(target))


def _password(target: Path, option: str, file: Path | None) -> "Password":
    from pki.store.export import password

    found = password(file)
    if found.generated and _is_stdout(target):
        raise Problem(
            f"{option} {target} needs a password: a generated one would be printed into the file",
            hint="give it with --password-file FILE or PKI_PASSPHRASE_FILE",
            code=ExitCode.USAGE,
        )
    return found


def _hashed(source: "Source", target: Path, directory: Path) -> "Exported":
    from pki.cli.export_text import Exported
    from pki.store import export as store

    crls = store.crls_of(source, directory)
    return Exported(source, "--hashed-dir", target, hashed=store.write_hashed(target, source.certificate, crls))


def _public(source: "Source", option: str, target: Path) -> "Exported":
    from pki.cli.export_text import Exported
    from pki.store import export as store
    from pki.store.bundle import only_replaces
    from pki.store.output import Output

    output = Output(target, option, only_replaces(source.chain))
    output.check()
    output.write(store.pkcs7(source) if option == "--p7b" else store.der(source))
    return Exported(source, option, target, streamed=_is_stdout(target))
