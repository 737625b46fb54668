"""`pki request` and `pki sign`: a certificate request, and what a CA makes of it."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pki.cli.issue import minted_json, wanted_validity, where
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
from pki.console import CERTS, note, print_json
from pki.errors import ExitCode, Problem


class CopyName(StrEnum):
    """The values of --copy; the keys of `pki.csr.COPYABLE`."""

    san = "subjectAltName"
    key_usage = "keyUsage"
    extended_key_usage = "extendedKeyUsage"


def request(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names to ask for.")],
    directory: Directory = CERTS,
    client: Annotated[bool, typer.Option("--client", help="Ask for a client certificate.")] = False,
    san: San = None,
    key_type: KeyTypeOption = KeyTypeName.ec_p256,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Use this existing private key.", readable=False)
    ] = None,
    encrypt: Encrypt = False,
    passphrase_file: PassphraseFile = None,
    subject: Subject = None,
    as_json: Json = False,
) -> int:
    """Make a private key and a certificate request (CSR).

    The CA needs only the request; `pki sign` issues a certificate for it. The key stays where it was made.
    """
    from pki.cli import arguments, request_text
    from pki.keys import KeyType
    from pki.profiles import CLIENT, SERVER
    from pki.store import requests
    from pki.store.files import new_passphrase, read_key

    if encrypt and key:
        raise Problem("--encrypt is for a new key", hint="the file of --key is not changed", code=ExitCode.USAGE)
    if passphrase_file and not encrypt:
        raise Problem("--passphrase-file is used with --encrypt alone", hint="add --encrypt", code=ExitCode.USAGE)
    parse = arguments.client_names if client else arguments.server_names
    made = requests.request(
        directory,
        parse([*names, *(san or [])]),
        profile=CLIENT if client else SERVER,
        key_type=KeyType(key_type.value),
        subject=arguments.subject(subject),
        key=read_key(key) if key else None,
        passphrase=new_passphrase(passphrase_file, "the new key") if encrypt else None,
        now=datetime.now(UTC),
    )
    if as_json:
        print_json({"directory": str(made.directory), "files": list(made.files)})
    else:
        print_lines(request_text.requested(made, "client" if client else "server"))
    return ExitCode.YES


def sign(
    file: Annotated[Path, typer.Argument(metavar="REQUEST", help="Certificate request, PEM or DER; - is stdin.")],
    directory: Directory = CERTS,
    copy: Annotated[
        list[CopyName] | None, typer.Option("--copy", help="Copy this extension of the request (repeatable).")
    ] = None,
    san: San = None,
    client: Annotated[bool, typer.Option("--client", help="Issue a client certificate.")] = False,
    days: LeafDays = None,
    not_before: NotBefore = None,
    not_after: NotAfter = None,
    subject: Subject = None,
    revocation_url: RevocationUrl = None,
    force: Replace = False,
    as_json: Json = False,
) -> int:
    """Issue a certificate for the key of a request.

    Only the key is taken from the request. Its names and usages are wishes of its author: they are copied if --copy
    names them, and never CA:TRUE or the usage of a CA. Names that you have checked yourself are given with --san.
    """
    from pki.cli import arguments, ca_text, request_text
    from pki.profiles import CLIENT, SERVER
    from pki.store import requests
    from pki.store.ca import Existing

    now = datetime.now(UTC).replace(microsecond=0)
    parse = arguments.client_names if client else arguments.server_names
    done = requests.sign(
        directory,
        file,
        more_names=parse(san or []),
        copy=[each.value for each in copy or []],
        profile=CLIENT if client else SERVER,
        validity=wanted_validity(days, not_before, not_after, now),
        subject=arguments.subject(subject),
        extensions=where(revocation_url),
        now=now,
        existing=Existing.MOVE_ASIDE if force else Existing.REFUSE,
    )
    for remark in ca_text.notes(done.minted):
        note(remark)
    if as_json:
        left_out = [{"what": each.what, "reason": each.reason} for each in done.copied.left_out]
        print_json({**minted_json(done.minted), "left_out": left_out})
    else:
        print_lines(request_text.signed(done, "client" if client else "server"))
    return ExitCode.YES
