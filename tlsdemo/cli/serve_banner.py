"""The banner of `serve`: the certificate that it presents, and commands that connect to it. EDGE."""

import shlex
from collections.abc import Iterator

from cryptography import x509

from pki import Credential, names
from tlsdemo import net, peer
from tlsdemo.cli.listening import address
from tlsdemo.cli.protocol_options import TLS, TLS13, rung
from tlsdemo.cli.serve_options import ServeOptions
from tlsdemo.credentials import kinds
from tlsdemo.edu.groups import is_undone, parse
from tlsdemo.protocol import Protection


def introduction(settings: ServeOptions, credential: Credential | None, listener: net.Listener) -> Iterator[str]:
    """The lines after "listening on": the certificate that is presented, and commands that connect to the server."""
    others = [str(net.Address(host, listener.port)) for host in listener.hosts[1:]]
    if others:
        yield f"  also on {', '.join(others)}"
    if credential is None:
        yield "  presenting no certificate: a client cannot verify this server"
    else:
        yield f"  presenting {settings.cert or kinds.BY_ID[settings.credential].serve}"
        plain = [names.plain(name) for name in peer.alternative_names(credential.certificate)]
        yield f"  for {peer.listed(plain) or peer.describe(credential.certificate).shown}"
    yield ""
    yield "  in another terminal:"
    if settings.protocol in (TLS, TLS13) and credential is not None:
        commands = _over_tls(settings, credential, listener)
    else:
        commands = _over_edu(settings, credential, listener)
    yield from (f"    {command}" for command in commands)
    yield ""


def _over_edu(settings: ServeOptions, credential: Credential | None, listener: net.Listener) -> Iterator[str]:
    host, target, through, socat = _places(settings, listener)
    options = f" --protocol {settings.protocol}"
    if settings.group:
        options += f" --group {settings.group}"
    for each in settings.without:
        options += f" --without {shlex.quote(each)}"
    attacking = options
    if settings.story:
        options += " --story"
    certs = shlex.quote(str(settings.certs))
    provided = rung(settings.protocol)  # of the whole rung: --without changes none of these options
    if Protection.POSSESSION in provided and certs != "certs":
        attacking += f" --certs {certs}"
    asking = options
    if credential is not None and (name := _name_to_ask_for(host, credential)) != host:
        asking += f" --name {name}"
    if Protection.CHAIN in provided and (trust := _trust(settings)):
        asking += trust
        if Protection.CLIENT_IDENTITY in provided and settings.credential == "untrusted-ca":
            asking += f" --cert {shlex.quote(str(settings.certs / 'client.pem'))}"
    yield f"tlsdemo connect {target}{asking} --explain"
    claims = rung(settings.protocol, settings.without)
    what = "shows the handshake, but not the message"
    if Protection.SECRECY not in claims:
        what = "shows every message"
    elif Protection.STRONG_GROUP not in claims:
        what = "shows both numbers: one division gives the secret"
    elif settings.group and is_undone(parse(settings.group)):
        what = "shows both numbers: trying all exponents gives the secret"
    yield socat
    yield f"tlsdemo connect {through}{asking}    # through socat, which {what}"
    yield f"tlsdemo mitm --upstream {target} --listen {through.port}{attacking}    # a man in the middle"
    yield _eavesdrop(target, through)


def _over_tls(settings: ServeOptions, credential: Credential, listener: net.Listener) -> Iterator[str]:
    host, target, through, socat = _places(settings, listener)
    name = _name_to_ask_for(host, credential)
    ca = _anchor(settings)
    cert, key = (shlex.quote(str(settings.certs / file)) for file in ("client.pem", "client.key"))
    own = _own_tls(settings)
    options = own + ("" if name == host else f" --name {name}")
    trust = _trust(settings)
    ours, theirs = "", ""
    if settings.require_client_cert:
        ours, theirs = f" --cert {cert}", f" -cert {cert} -cert_chain {cert} -key {key}"
    yield f"tlsdemo connect {target}{options}{trust}{ours}"
    if settings.credential == "rogue":
        believed = shlex.quote(str(settings.certs / "rogue/ca.pem"))
        yield f"tlsdemo connect {target}{options} --trust {believed}{ours}    # accepted: trusts the rogue CA"
    check = "-verify_ip" if isinstance(_reference(name), x509.IPAddress) else "-verify_hostname"
    yield f"openssl s_client -connect {target} -CAfile {ca} -verify_return_error {check} {name}{theirs}"
    yield "    # then type a line and press Enter"
    yield socat
    yield f"tlsdemo connect {through}{options}{trust}{ours}    # through socat, which shows encrypted records"
    if own:
        yield f"tlsdemo mitm --upstream {target} --listen {through.port}{own}    # a man in the middle"
    yield _eavesdrop(target, through)


def _own_tls(settings: ServeOptions) -> str:
    """The options by which a client uses TLS 1.3 of our own with the same parts; empty for `ssl`."""
    if settings.protocol != TLS13:
        return ""
    group = f" --group {shlex.quote(settings.group)}" if settings.group else ""
    return " --protocol tls13" + group + "".join(f" --without {shlex.quote(each)}" for each in settings.without)


def _eavesdrop(target: net.Address, through: net.Address) -> str:
    return f"tlsdemo eavesdrop --upstream {target} --listen {through.port}    # an eavesdropper"


def _places(settings: ServeOptions, listener: net.Listener) -> tuple[str, net.Address, net.Address, str]:
    """The host, the server's address, an address for a program in between, and the socat command for it."""
    target = address(settings.hosts, listener.port)
    host, port = target.host, target.port
    through = net.Address(host, port + 1 if port < 65535 else port - 1)
    upstream = net.Address("127.0.0.1" if host == "localhost" else host, port)
    tcp, bind = ("TCP6", f"[{upstream.host}]") if ":" in host else ("TCP", upstream.host)
    socat = f"socat -v {tcp}-LISTEN:{through.port},bind={bind},reuseaddr,fork {tcp}:{upstream}"
    return host, target, through, socat


def _anchor(settings: ServeOptions) -> str:
    """The trust anchor file, shell-quoted, under which the certificate is accepted. The rogue one is not accepted."""
    return shlex.quote(
        str(settings.certs / ("untrusted-ca/ca.pem" if settings.credential == "untrusted-ca" else "root.pem"))
    )


def _trust(settings: ServeOptions) -> str:
    return "" if _anchor(settings) == "certs/root.pem" else f" --trust {_anchor(settings)}"


def _name_to_ask_for(host: str, credential: Credential) -> str:
    """The host if the certificate is valid for it, else a name for which it is valid and that `connect` takes."""
    presented = peer.alternative_names(credential.certificate)
    wanted = _reference(host)
    if wanted is not None and any(names.matches(name, wanted) for name in presented):
        return host
    others = (
        names.plain(name).replace("*", "www") for name in presented if isinstance(name, x509.DNSName | x509.IPAddress)
    )
    return next((each for each in others if _reference(each)), host)


def _reference(text: str) -> x509.GeneralName | None:
    """The reference identifier; None if the text is not a name. A certificate may contain any text."""
    try:
        return names.reference(text)
    except names.InvalidName:
        return None
