"""`tlsdemo connect`: connect, verify the server, send one message and print the answer. EDGE."""

from pki.errors import ExitCode
from tlsdemo.cli import connect_edu, connect_http, connect_tls
from tlsdemo.cli.protocol_options import TLS, forbid_for_tls, rung
from tlsdemo.cli.target import ConnectOptions, Wants, resolve, to_send


def connect(settings: ConnectOptions) -> int:
    """Run the command; returns the exit code."""
    connect_http.forbid(settings)
    message = to_send(settings.message) if settings.http is None else ""
    if settings.protocol == TLS:
        forbid_for_tls(group=settings.group, story=settings.story, without=settings.without)
        connect_tls.connect_over_tls(settings, resolve(settings, Wants.TRUST), message)
    else:
        connect_edu.connect_over_edu(settings, rung(settings.protocol, settings.without), message)
    return ExitCode.YES
