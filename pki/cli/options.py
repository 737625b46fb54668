"""Options that several commands of `pki` share. Imports typer and the standard library alone."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class KeyTypeName(StrEnum):
    """The values of --key-type: a copy of `pki.keys.KeyType`, whose import takes longer than --help."""

    ec_p256 = "ec-p256"
    ec_p384 = "ec-p384"
    ed25519 = "ed25519"
    rsa_2048 = "rsa-2048"
    rsa_3072 = "rsa-3072"
    rsa_4096 = "rsa-4096"


class PurposeName(StrEnum):
    """The values of --purpose."""

    server = "server"
    client = "client"
    any = "any"


class ProfileName(StrEnum):
    """The values of --profile."""

    rfc5280 = "rfc5280"
    tls = "tls"
    webpki = "webpki"


Directory = Annotated[
    Path,
    typer.Option("--dir", metavar="DIR", envvar="PKI_DIR", help="Folder with the CA's files.", readable=False),
]
KeyTypeOption = Annotated[KeyTypeName, typer.Option("--key-type", help="Type of the new keys.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="File whose first line is the passphrase.", readable=False),
]
Target = Annotated[
    str, typer.Argument(metavar="NAME|SERIAL|FILE", help="Name or file in `pki list`, serial number, or a path.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=36500, help="Validity of leaf certificates in days.")]
LeafDays = Annotated[int | None, typer.Option("--days", min=1, max=36500, help="Validity in days; default: 90.")]
NotBefore = Annotated[
    str | None, typer.Option("--not-before", metavar="TIME", help="Begin: 2026-11-24, +1d, -30d; default: now.")
]
NotAfter = Annotated[
    str | None, typer.Option("--not-after", metavar="TIME", help="End: 2027-11-24, 30d, -1d (has expired).")
]
Subject = Annotated[
    str | None, typer.Option("--subject", metavar="NAME", help="Subject, such as CN=shop.example,O=Example.")
]
RevocationUrl = Annotated[
    str | None,
    typer.Option("--revocation-url", metavar="URL", help="Where `pki publish` serves CRL and OCSP."),
]
Encrypt = Annotated[bool, typer.Option("--encrypt", help="Encrypt the new private key.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace files of an earlier `pki issue`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
San = Annotated[
    list[str] | None,
    typer.Option("--san", metavar="NAME", help="Host name, wildcard or IP address (repeatable)."),
]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to stdout, in one write."""
    print("\n".join(lines))
