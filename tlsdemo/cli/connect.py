"""`tlsdemo connect`: connect, verify the server, send one message and print the answer. EDGE."""

from pki.errors import ExitCode
from pki.store.output import forbid_same
from tlsdemo.cli import connect_http, connect_own, connect_tls
from tlsdemo.cli.protocol_options import TLS, TLS13, forbid_choices, forbid_for_tls, rung
from tlsdemo.cli.target import ConnectOptions, Wants, resolve, to_send
from tlsdemo.protocol import Protection


def connect(settings: ConnectOptions) -> int:
    """Run the command; returns the exit code."""
    connect_http.forbid(settings)
    forbid_choices(settings.protocol, settings.cipher, settings.alpn)
    forbid_same(capture=settings.capture, keylog=settings.keylog)
    message = to_send(settings.message) if settings.http is None else ""
    if settings.protocol == TLS:
        forbid_for_tls(group=settings.group, story=settings.story, without=settings.without)
        connect_tls.connect_over_tls(settings, resolve(settings, Wants.TRUST), message)
    else:
        claims = rung(settings.protocol, settings.without)
        if settings.protocol == TLS13 and not settings.cert:
            claims -= {Protection.CLIENT_IDENTITY}
        connect_own.connect_over_own(settings, claims, message)
    return ExitCode.YES
