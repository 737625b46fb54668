"""The command `tlsdemo`: its commands and their options. EDGE.

Imports typer and the standard library only, so that `--help` is fast; each command imports what it needs. Commands
return their exit code. A `Problem` is printed by `console.run`.
"""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pki.console import CERTS, application
from pki.errors import ExitCode, Problem
from pki.help_page import ONCE_EXIT_CODES, SERVER_EXIT_CODES
from tlsdemo.cli.lab_app import register

app = application(
    "Build a secure channel step by step, attack it, and see which protection stops the attack; test TLS clients.",
    "tlsdemo",
)


class ProtocolChoice(StrEnum):
    """The values of --protocol: the rungs of the educational handshake, our own TLS 1.3, and Python's ssl."""

    plain = "plain"
    multiply = "multiply"
    dh = "dh"
    signed = "signed"
    ca = "ca"
    mutual = "mutual"
    hybrid = "hybrid"
    tls13 = "tls13"
    tls = "tls"


class CredentialName(StrEnum):
    """The values of serve's --credential: the certificate that the server presents."""

    server = "server"
    rogue = "rogue"
    untrusted_ca = "untrusted-ca"


class AttackerCredential(StrEnum):
    """The values of mitm's --credential: the certificate that the attacker presents."""

    rogue = "rogue"
    self_signed = "self-signed"
    untrusted_ca = "untrusted-ca"
    stolen = "stolen"
    copied = "copied"
    other_host = "other-host"
    expired = "expired"
    stolen_ca = "stolen-ca"


OLD_NAMES = {"stranger": "untrusted-ca", "stolen-authority": "stolen-ca"}
"""Values of --credential that are accepted, but no longer shown."""


def _one_of(values: type[StrEnum]) -> Callable[[str | None], str | None]:
    """The callback of an option whose value is one of `values` or an old name of one; None if it was not given."""

    def chosen(given: str | None) -> str | None:
        if given is None:
            return None
        try:
            return values(OLD_NAMES.get(given, given))
        except ValueError:
            raise typer.BadParameter(
                f"{given!r} is not one of {', '.join(repr(each.value) for each in values)}"
            ) from None

    return chosen


Protocol = Annotated[
    ProtocolChoice,
    typer.Option("--protocol", metavar="NAME", help="plain, multiply, dh, signed, ca, mutual, hybrid, tls13, tls."),
]
Group = Annotated[
    str | None,
    typer.Option("--group", metavar="GROUP", help="Use this group; with tls13, a list: x25519,secp256r1."),
]
Cipher = Annotated[
    str | None, typer.Option("--cipher", metavar="NAME,...", help="With tls13: offer these cipher suites.")
]
Alpn = Annotated[
    str | None, typer.Option("--alpn", metavar="NAME,...", help="With tls13: speak these application protocols.")
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without", metavar="PROTECTION", help="Remove it, see `tlsdemo protocols` (repeatable; both sides)."
    ),
]
Story = Annotated[bool, typer.Option("--story", help="With multiply: use the numbers 300, 5 and 7.")]
FOLDER = ["TLSDEMO_CERTS", "PKI_DIR"]
"""Environment variables that name the CA folder; the first one that is set counts."""
Certs = Annotated[
    Path,
    typer.Option(
        "--certs",
        metavar="DIR",
        envvar=FOLDER,
        help="Use this CA folder, made by `pki init`.",
        show_default="certs",
        readable=False,
    ),
]
Keylog = Annotated[
    Path | None,
    typer.Option("--keylog", metavar="FILE", help="Append TLS secrets for Wireshark (SSLKEYLOGFILE).", readable=False),
]
Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        metavar="FILE|DIR",
        help="Trust the CAs in this file or folder.",
        show_default="root.pem in TLSDEMO_CERTS, in PKI_DIR, or in certs",
        readable=False,
    ),
]
CheckedName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Check for this name (default: HOST).")]
ClientCertificate = Annotated[
    Path | None,
    typer.Option("--cert", metavar="FILE", help="Present this certificate if the server asks.", readable=False),
]
KeyOfCertificate = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Use this key (default: --cert with suffix .key).", readable=False),
]


CaptureTo = Annotated[
    Path | None,
    typer.Option("--capture", metavar="FILE", help="Append to a pcapng file, with the keys inside.", readable=False),
]


@app.command(epilog=ONCE_EXIT_CODES)
def serve(
    protocol: Protocol = ProtocolChoice.tls,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Listen on this address (default: 127.0.0.1 and ::1).")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Listen on this port; 0 takes a free one.")
    ] = 4433,
    certs: Certs = CERTS,
    credential: Annotated[
        str,
        typer.Option(
            "--credential",
            metavar="NAME",
            callback=_one_of(CredentialName),
            help="Present server, rogue or untrusted-ca.",
        ),
    ] = "server",
    rogue: Annotated[bool, typer.Option("--rogue", help="Same as --credential rogue.")] = False,
    cert: Annotated[
        Path | None,
        typer.Option("--cert", metavar="FILE", help="Present this certificate (see `pki issue`).", readable=False),
    ] = None,
    key: KeyOfCertificate = None,
    group: Group = None,
    cipher: Cipher = None,
    alpn: Alpn = None,
    without: Without = None,
    story: Story = False,
    explain: Annotated[bool, typer.Option("--explain", help="Explain each conversation, byte by byte.")] = False,
    require_client_cert: Annotated[
        bool, typer.Option("--require-client-cert", help="Require a certificate from the client.")
    ] = False,
    keylog: Keylog = None,
    capture: CaptureTo = None,
    once: Annotated[bool, typer.Option("--once", help="Exit after one connection: 0 if answered, else 1.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> int:
    """Run a server and log each connection, until Ctrl-C.

    The server reads its files again when they change: the certificate and its key, and for client certificates root.pem
    and crl.pem. They apply to the next connection. A connection that is open stays open, also if its client has been
    revoked.
    """
    from tlsdemo.cli.serve import serve
    from tlsdemo.cli.serve_options import ServeOptions

    options = {"--cert": bool(cert), "--rogue": rogue, f"--credential {credential}": credential != "server"}
    given = [option for option, is_given in options.items() if is_given]
    if len(given) > 1 and given != ["--rogue", "--credential rogue"]:
        fact = f"{' and '.join(given)} are mutually exclusive"
        raise Problem(fact, hint="use one of them", code=ExitCode.USAGE)
    if key and not cert:
        raise Problem("--key needs --cert", hint="add --cert FILE, or leave out --key", code=ExitCode.USAGE)
    return serve(
        ServeOptions(
            protocol=protocol.value,
            group=group,
            cipher=cipher,
            alpn=alpn,
            without=without or (),
            story=story,
            explain=explain,
            hosts=(host,) if host is not None else None,
            port=port,
            certs=certs,
            credential="rogue" if rogue else str(credential),
            cert=cert,
            key=key,
            require_client_cert=require_client_cert,
            keylog=keylog,
            capture=capture,
            once=once,
            as_json=as_json,
        )
    )


@app.command()
def connect(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Connect to this server.")] = "localhost:4433",
    protocol: Protocol = ProtocolChoice.tls,
    group: Group = None,
    cipher: Cipher = None,
    alpn: Alpn = None,
    without: Without = None,
    story: Story = False,
    message: Annotated[
        str | None,
        typer.Option("--message", metavar="TEXT", help="Send this; - sends each line of stdin (see above)."),
    ] = None,
    http: Annotated[
        str | None, typer.Option("--http", metavar="PATH", help="Send an HTTPS request, and print the response.")
    ] = None,
    trust: Trust = None,
    name: CheckedName = None,
    crl: Annotated[
        Path | None,
        typer.Option("--crl", metavar="FILE", help="Use these CRLs (default: crl.pem beside --trust).", readable=False),
    ] = None,
    cert: ClientCertificate = None,
    key: KeyOfCertificate = None,
    keylog: Keylog = None,
    explain: Annotated[bool, typer.Option("--explain", help="Explain the conversation, byte by byte.")] = False,
    capture: CaptureTo = None,
    certs: Annotated[Path, typer.Option("--certs", envvar=FOLDER, hidden=True, readable=False)] = CERTS,
) -> int:
    """Connect, verify the server, and send messages.

    Without --message, connect sends standard input if it is piped, else a sample. Several lines go over one connection:
    each is sent when the one before it has been answered. The server must be `tlsdemo serve`.

    The exit code is 0 if the server answered, and 1 if one side refused the other.
    """
    from tlsdemo.cli.connect import connect
    from tlsdemo.cli.target import ConnectOptions

    return connect(
        ConnectOptions(
            address=address,
            protocol=protocol.value,
            group=group,
            cipher=cipher,
            alpn=alpn,
            without=without or (),
            story=story,
            message=message,
            http=http,
            trust=trust or certs / "root.pem",
            name=name,
            crl=crl,
            cert=cert,
            key=key,
            keylog=keylog,
            explain=explain,
            capture=capture,
        )
    )


Upstream = Annotated[str, typer.Option("--upstream", metavar="HOST:PORT", help="Forward to this server.")]
Listen = Annotated[str, typer.Option("--listen", metavar="[HOST:]PORT", help="Listen here; port 0 takes a free one.")]


@app.command(epilog=SERVER_EXIT_CODES)
def eavesdrop(
    upstream: Upstream = "localhost:4433",
    listen: Listen = "4434",
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Use this private key, stolen from the server.", readable=False),
    ] = None,
) -> int:
    """Relay connections and print what an eavesdropper learns."""
    from tlsdemo.cli.eavesdrop import eavesdrop

    return eavesdrop(upstream, listen, key)


@app.command(epilog=ONCE_EXIT_CODES)
def mitm(
    upstream: Upstream = "localhost:4433",
    listen: Listen = "4434",
    protocol: Protocol = ProtocolChoice.tls,
    group: Group = None,
    without: Without = None,
    credential: Annotated[
        str | None,
        typer.Option(
            "--credential",
            metavar="NAME",
            callback=_one_of(AttackerCredential),
            help="Present this certificate (values: see above).",
            show_default="rogue",
        ),
    ] = None,
    certs: Certs = CERTS,
    alter: Annotated[
        list[str] | None,
        typer.Option("--alter", metavar="OLD=NEW", help="Replace text in messages (repeatable)."),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option("--attack", metavar="ATTACK", help="Run this attack (see `tlsdemo attacks`)."),
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="CASE", help="Present these test certificates in turn (repeatable)."),
    ] = None,
    cycle: Annotated[bool, typer.Option("--cycle", help="Rotate through all must-reject cases.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Exit after one connection: 0 if read, else 1.")] = False,
) -> int:
    """Relay between client and server as a man in the middle.

    Credentials: rogue, self-signed, untrusted-ca, stolen, copied, other-host, expired, stolen-ca.

    With --attack, mitm runs that attack on each connection, and the exit code of --once is 0 if the attack acted.
    With --case or --cycle, mitm presents test certificates (see `pki rogue list`), issued under root.pem for the name
    that each client asks for.

    To replay 0-RTT data, put `--attack replay` between `openssl s_client -early_data` and
    `openssl s_server -early_data -no_anti_replay`.
    """
    from tlsdemo.cli.mitm import MitmOptions, mitm

    return mitm(
        MitmOptions(
            upstream, listen, protocol.value, group, without or (), credential, certs,
            alter or (), attack, case or (), cycle, once,
        )
    )  # fmt: skip


@app.command()
def chain(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Connect to this server.")] = "localhost:4433",
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Ask for this name (default: HOST).")
    ] = None,
) -> int:
    """Print the certificates that a server presents.

    The output is PEM, for `pki show -` or `pki verify -`. Nothing is verified, and no application data is sent.
    """
    from tlsdemo.cli.chain import chain

    return chain(address, name)


@app.command()
def explain(
    address: Annotated[
        str | None, typer.Argument(metavar="HOST:PORT", help="Connect to this server (default: localhost:4433).")
    ] = None,
    protocol: Protocol = ProtocolChoice.tls,
    tls12: Annotated[bool, typer.Option("--tls1.2", help="Use TLS 1.2.")] = False,
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP,...", help="Offer these groups; not with tls.")
    ] = None,
    without: Without = None,
    story: Story = False,
    trust: Trust = None,
    name: CheckedName = None,
    cert: ClientCertificate = None,
    key: KeyOfCertificate = None,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="Send this line (default: an HTTP request).")
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option("--capture", metavar="FILE", help="Explain this pcap or pcapng file instead.", readable=False),
    ] = None,
    keylog: Annotated[
        Path | None,
        typer.Option("--keylog", metavar="FILE", help="Decrypt the capture with this key log.", readable=False),
    ] = None,
    server_key: Annotated[
        Path | None,
        typer.Option(
            "--server-key", metavar="FILE", help="Decrypt static RSA of TLS 1.2 with the server's key.", readable=False
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--filter", metavar="N|HOST:PORT", help="Explain this connection of the capture.")
    ] = None,
    as_role: Annotated[
        str | None, typer.Option("--as", metavar="attacker", help="Show only what an eavesdropper can read.")
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Print one row for each extension, and no reasons.")] = False,
    der: Annotated[bool, typer.Option("--der", help="Also print the DER elements of certificates.")] = False,
    by_hand: Annotated[
        int | None, typer.Option("--by-hand", metavar="N", help="Print the numbers to compute record N with.")
    ] = None,
    side_by_side: Annotated[bool, typer.Option("--map", help="Compare it with the educational handshake.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page to FILE instead of text.", readable=False),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write a pcapng file with the keys inside.", readable=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of another program; never a key.")] = False,
    certs: Annotated[Path, typer.Option("--certs", envvar=FOLDER, hidden=True, readable=False)] = CERTS,
) -> int:
    """Explain a conversation, byte by byte.

    Without --capture, explain connects, sends a request, and decrypts what passed with its own keys.

    The exit code is 1 if the conversation failed, else 0.
    """
    from tlsdemo.cli.explain import ExplainOptions, explain_command
    from tlsdemo.cli.target import ConnectOptions

    if as_role not in (None, "attacker"):
        raise Problem(f"--as {as_role!r} is not 'attacker'", hint="use --as attacker", code=ExitCode.USAGE)
    target = ConnectOptions(
        address=address or "localhost:4433", protocol=protocol.value, group=group, cipher=None, alpn=None,
        without=without or (), story=story,
        message=message, http=None, trust=trust or certs / "root.pem", name=name, crl=None, cert=cert, key=key,
        keylog=None, explain=True, capture=None,
    )  # fmt: skip
    return explain_command(
        ExplainOptions(
            target,
            tls12,
            capture,
            keylog,
            server_key,
            only,
            as_role == "attacker",
            brief,
            der,
            as_json,
            trust is not None,
            address is not None,
            by_hand,
            side_by_side,
            html,
            save,
            force,
        )
    )


@app.command()
def tour(
    step: Annotated[bool, typer.Option("--step", help="Ask a question before each scene; Enter continues.")] = False,
    certs: Annotated[
        Path | None,
        typer.Option(
            "--certs",
            metavar="DIR",
            envvar=FOLDER,
            help="Use this CA folder (default: certs, or a temporary one).",
            readable=False,
        ),
    ] = None,
) -> int:
    """Tell the story in scenes, run live on this machine."""
    from tlsdemo.tour.play import tour

    return tour(certs, wait=sys.stdin if step else None)


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def compare(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Run only these attacks or protocols (repeatable)."),
    ] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the matrix as a Markdown table.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with every conversation.", readable=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of another program; never a key.")] = False,
    peers: Annotated[
        bool, typer.Option("--peers", help="Show which missing protections real TLS programs notice.")
    ] = False,
    certs: Annotated[
        Path | None,
        typer.Option("--certs", metavar="DIR", help="With --peers: use this CA folder.", readable=False),
    ] = None,
) -> int:
    """Run every attack on every protocol, and measure costs.

    With --peers, our TLS 1.3 talks to the TLS clients and servers of this machine, each time without one protection:
    openssl, curl, python, node, java, go, gnutls, chromium, nginx. --only then names programs or protections.
    """
    from tlsdemo.cli.compare import CompareOptions, compare

    if as_json and markdown:
        raise Problem("--json and --markdown are mutually exclusive", hint="use one of them", code=ExitCode.USAGE)
    if peers and html:
        raise Problem("--peers and --html are mutually exclusive", hint="use --json or --markdown", code=ExitCode.USAGE)
    if certs and not peers:
        raise Problem("--certs needs --peers", hint="leave it out: the attacks use a CA in memory", code=ExitCode.USAGE)
    if peers:
        from tlsdemo.cli.compare_peers import ComparePeersOptions, compare_peers

        return compare_peers(ComparePeersOptions(only or (), as_json, markdown, certs))
    return compare(CompareOptions(only or (), as_json, markdown, html, force))


@app.command()
def attack(
    name: Annotated[str, typer.Argument(metavar="ATTACK", help="Run this attack (see `tlsdemo attacks`).")],
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="PROTOCOL", help="Attack this protocol (repeatable; default: ca, tls)."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="PROTECTION", help="Remove it, see `tlsdemo protocols` (repeatable)."),
    ] = None,
    group: Group = None,
    live: Annotated[bool, typer.Option("--live", help="Use TCP connections instead of memory.")] = False,
) -> int:
    """Run one attack, and explain why it succeeds or fails."""
    from tlsdemo.cli.attack import AttackOptions, attack

    return attack(AttackOptions(name, on or (), without or (), group, live))


@app.command()
def attacks(as_json: Json = False) -> int:
    """List the attacks and the protections that prevent them."""
    from tlsdemo.cli.attack import attacks

    return attacks(as_json)


@app.command()
def protocols(as_json: Json = False) -> int:
    """List the protocols that can be attacked and compared."""
    from tlsdemo.cli.attack import protocols

    return protocols(as_json)


register(app)


def _add_pki() -> None:
    from pki.cli.main import app as pki_app

    app.add_typer(pki_app, name="pki", help="Run `pki` where another program has that name.")


_add_pki()
