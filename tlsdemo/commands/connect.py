"""`tlsdemo connect`: check who answers, send one message, print the answer - or say why not. EDGE."""

from pki.errors import ExitCode
from tlsdemo.commands import over_edu, over_tls
from tlsdemo.commands.call import Settings, Wants, call, line_to_send
from tlsdemo.commands.protocols import TLS, forbid_for_tls, rung


def connect(settings: Settings) -> int:
    """The whole of the command; the exit code."""
    message = line_to_send(settings.message)
    if settings.protocol == TLS:
        forbid_for_tls(group=settings.group, story=settings.story, without=settings.without)
        over_tls.converse(settings, call(settings, Wants.TRUST), message)
    else:
        over_edu.converse(settings, rung(settings.protocol, settings.without), message)
    return ExitCode.YES
