"""The command `tlsdemo`: parse, call, print. EDGE.

Only typer and the standard library are imported here, so that `--help` is quick; each command imports what it needs.
Commands return their exit code. What a user can cause arrives as `Problem` and is printed by `console.run`.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pki.console import CERTS, application
from pki.errors import ExitCode, Problem
from tlsdemo.cli.lab_app import register

app = application(
    "Where is the security buried? Real TLS with a generated PKI, and a rogue next door to try on it.", "tlsdemo"
)


class ProtocolChoice(StrEnum):
    """The values of --protocol: the rungs of the educational handshake, and real TLS."""

    plain = "plain"
    multiply = "multiply"
    dh = "dh"
    signed = "signed"
    ca = "ca"
    mutual = "mutual"
    hybrid = "hybrid"
    tls = "tls"


class CredentialName(StrEnum):
    """The values of --credential: whose certificate the server shows."""

    server = "server"
    rogue = "rogue"
    stranger = "stranger"


class AttackerCredential(StrEnum):
    """The values of mitm's --credential: what certificate he has come by."""

    rogue = "rogue"
    self_signed = "self-signed"
    stranger = "stranger"
    stolen = "stolen"
    copied = "copied"
    other_host = "other-host"
    expired = "expired"
    stolen_authority = "stolen-authority"


Protocol = Annotated[ProtocolChoice, typer.Option("--protocol", help="What is spoken on the line.")]
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        help="x25519 or ffdhe2048; to be broken: 40-bit, smooth, leaky, or P:G such as 23:5.",
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without", metavar="PROTECTION", help="Leave this out of the handshake; repeatable. Tell the other side, too."
    ),
]
Story = Annotated[
    bool, typer.Option("--story", help="multiply with the story's numbers: 300, and the secrets 5 and 7.")
]
Certs = Annotated[
    Path,
    typer.Option(
        "--certs", envvar="TLSDEMO_CERTS", help="The folder that `pki init` made.", show_default="certs", readable=False
    ),
]
Keylog = Annotated[
    Path | None,
    typer.Option(
        "--keylog", help="Append the session keys here, for Wireshark (SSLKEYLOGFILE format).", readable=False
    ),
]


@app.command()
def serve(
    protocol: Protocol = ProtocolChoice.tls,
    host: Annotated[str | None, typer.Option("--host", help="Listen here instead of on 127.0.0.1 and ::1.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free port.")] = 4433,
    certs: Certs = CERTS,
    credential: Annotated[
        CredentialName, typer.Option("--credential", help="Whose certificate to show.")
    ] = CredentialName.server,
    rogue: Annotated[bool, typer.Option("--rogue", help="Short for --credential rogue.")] = False,
    cert: Annotated[
        Path | None,
        typer.Option("--cert", help="Show this certificate instead: what `pki issue` made.", readable=False),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Its key. Default: beside --cert, ending in .key.", readable=False)
    ] = None,
    group: Group = None,
    without: Without = None,
    story: Story = False,
    explain: Annotated[bool, typer.Option("--explain", help="Tell each step of the educational handshake.")] = False,
    require_client_cert: Annotated[
        bool, typer.Option("--require-client-cert", help="Demand a certificate of the client, too.")
    ] = False,
    keylog: Keylog = None,
    once: Annotated[
        bool, typer.Option("--once", help="End after one conversation: 0 when it talked, 1 when it was refused.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
) -> int:
    """Serve, and tell what happens, until Ctrl-C."""
    from tlsdemo.cli.serve import serve
    from tlsdemo.cli.serve_options import ServeOptions

    if rogue and credential is CredentialName.stranger:
        raise Problem("--rogue is one thing, --credential stranger another", hint="choose one", code=ExitCode.USAGE)
    if cert and (rogue or credential is not CredentialName.server):
        raise Problem("--cert is one thing, the rogue and the stranger another", hint="choose one", code=ExitCode.USAGE)
    if key and not cert:
        raise Problem("--key needs --cert", hint="give both, or --cert alone", code=ExitCode.USAGE)
    return serve(
        ServeOptions(
            protocol=protocol.value,
            group=group,
            without=without or (),
            story=story,
            explain=explain,
            hosts=(host,) if host is not None else None,
            port=port,
            certs=certs,
            credential=CredentialName.rogue.value if rogue else credential.value,
            cert=cert,
            key=key,
            require_client_cert=require_client_cert,
            keylog=keylog,
            once=once,
            as_json=as_json,
        )
    )


@app.command()
def connect(
    address: Annotated[str, typer.Argument(metavar="[HOST:PORT]", help="The server.")] = "localhost:4433",
    protocol: Protocol = ProtocolChoice.tls,
    group: Group = None,
    without: Without = None,
    story: Story = False,
    message: Annotated[
        str | None, typer.Option("--message", help="What to say; otherwise what is piped in, otherwise a default.")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", help="The trust anchor. Default: root.pem in the certs folder.", readable=False),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The name to check for. Default: HOST as typed.")] = None,
    crl: Annotated[
        Path | None, typer.Option("--crl", help="Revocation lists; default: crl.pem beside --trust.", readable=False)
    ] = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", help="The certificate to show if the server asks.", readable=False)
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Its key. Default: beside --cert, ending in .key.", readable=False)
    ] = None,
    keylog: Keylog = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell each step, and what cannot be seen.")] = False,
    certs: Annotated[Path, typer.Option("--certs", envvar="TLSDEMO_CERTS", hidden=True, readable=False)] = CERTS,
) -> int:
    """Check who answers, and send one message.

    Exit code 0: delivered and answered. 1: refused, with the reason.
    """
    from tlsdemo.cli.connect import connect
    from tlsdemo.cli.target import ConnectOptions

    return connect(
        ConnectOptions(
            address=address,
            protocol=protocol.value,
            group=group,
            without=without or (),
            story=story,
            message=message,
            trust=trust or certs / "root.pem",
            name=name,
            crl=crl,
            cert=cert,
            key=key,
            keylog=keylog,
            explain=explain,
        )
    )


Upstream = Annotated[str, typer.Option("--upstream", metavar="HOST:PORT", help="The server.")]
Listen = Annotated[str, typer.Option("--listen", metavar="[HOST:]PORT", help="Where to sit; 0 takes any free port.")]


@app.command()
def eavesdrop(upstream: Upstream = "localhost:4433", listen: Listen = "4434") -> int:
    """Sit on the line, pass everything on, and tell what can be made of it, until Ctrl-C."""
    from tlsdemo.cli.eavesdrop import eavesdrop

    return eavesdrop(upstream, listen)


@app.command()
def mitm(
    upstream: Upstream = "localhost:4433",
    listen: Listen = "4434",
    protocol: Protocol = ProtocolChoice.tls,
    group: Group = None,
    without: Without = None,
    credential: Annotated[
        AttackerCredential | None,
        typer.Option("--credential", help="The certificate that he shows.", show_default="rogue"),
    ] = None,
    certs: Certs = CERTS,
    alter: Annotated[
        list[str] | None, typer.Option("--alter", metavar="OLD=NEW", help="Replace this in what passes; repeatable.")
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option("--attack", metavar="ATTACK", help="Do this instead, as `tlsdemo attacks` describes it."),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", help="Show this of `pki rogue list`; several: one after the other.")
    ] = None,
    cycle: Annotated[bool, typer.Option("--cycle", help="All that must be refused, one each connection.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End after one conversation: 0 when he read it, 1 when he was refused.")
    ] = False,
) -> int:
    """Sit in the middle: be the server to the client, and the client to the server, until Ctrl-C.

    With --attack NAME he does that to whatever passes, and --once gives 0 when he came to do it. 0-RTT is replayed by
    `--attack replay` between `openssl s_client -early_data` and `openssl s_server -early_data -no_anti_replay`.
    With --case or --cycle the certificates are minted under root.pem, for the name that each client asks for.
    """
    from tlsdemo.cli.mitm import MitmOptions, mitm

    return mitm(
        MitmOptions(
            upstream, listen, protocol.value, group, without or (), credential and credential.value, certs,
            alter or (), attack, case or (), cycle, once,
        )
    )  # fmt: skip


@app.command()
def chain(
    address: Annotated[str, typer.Argument(metavar="[HOST:PORT]", help="The server.")] = "localhost:4433",
    name: Annotated[str | None, typer.Option("--name", help="The name to ask for. Default: HOST as typed.")] = None,
) -> int:
    """Print the certificates that a server presents, for `pki show -` or `pki verify -`; check and send nothing."""
    from tlsdemo.cli.chain import chain

    return chain(address, name)


@app.command()
def tour(
    step: Annotated[bool, typer.Option("--step", help="Before each scene a question; Enter shows the answer.")] = False,
    certs: Certs = CERTS,
) -> int:
    """The story in scenes, live on this machine."""
    from tlsdemo.tour.play import tour

    return tour(certs, wait=sys.stdin if step else None)


Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@app.command()
def compare(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="An attack or a protocol, by its name; may be repeated, or separated by commas."),
    ] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The matrix as a Markdown table.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page with every conversation to look at.", readable=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that was not made here; never a key.")] = False,
) -> int:
    """Every attack on every protocol: predicted, and run; and what each protection costs."""
    from tlsdemo.cli.compare import CompareOptions, compare

    if as_json and markdown:
        raise Problem("--json and --markdown together", hint="choose one of them", code=ExitCode.USAGE)
    return compare(CompareOptions(only or (), as_json, markdown, html, force))


@app.command()
def attack(
    name: Annotated[str, typer.Argument(metavar="ATTACK", help="`tlsdemo attacks` lists them.")],
    on: Annotated[
        list[str] | None, typer.Option("--on", help="A protocol; may be repeated. Default: ca, and tls.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="A protection to leave out; may be repeated.")
    ] = None,
    group: Group = None,
    live: Annotated[bool, typer.Option("--live", help="On TCP connections, not in memory.")] = False,
) -> int:
    """One attack, told as a story: what passed, who believes what, and what stopped it or was missing."""
    from tlsdemo.cli.attack import AttackOptions, attack

    return attack(AttackOptions(name, on or (), without or (), group, live))


@app.command()
def attacks(as_json: Json = False) -> int:
    """The attacks, each in a sentence."""
    from tlsdemo.cli.attack import attacks

    return attacks(as_json)


@app.command()
def protocols(as_json: Json = False) -> int:
    """What can be compared: the rungs, `ca` without one protection, and TLS in its configurations."""
    from tlsdemo.cli.attack import protocols

    return protocols(as_json)


register(app)


def _add_pki() -> None:
    from pki.cli.main import app as pki_app

    app.add_typer(pki_app, name="pki", help="The command `pki`, for where another program has its name.")


_add_pki()
