"""Options that several commands of `pki` share. Typer and the standard library alone."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class KeyTypeName(StrEnum):
    """The values of --key-type; `pki.keys.KeyType` without its import, which costs more than all of --help."""

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
    typer.Option(
        "--dir", envvar="PKI_DIR", help="The folder with the certificates.", show_default="certs", readable=False
    ),
]
KeyTypeOption = Annotated[KeyTypeName, typer.Option("--key-type", help="The type of all keys.")]
Days = Annotated[int, typer.Option("--days", min=1, max=36500, help="Lifetime of the leaf certificates.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
San = Annotated[
    list[str] | None,
    typer.Option("--san", metavar="NAME", help="A name of the server: host, wildcard, IP address. May be repeated."),
]
