"""The name that a client asks for (server_name, RFC 6066 §3), kept: `ssl` tells it once, to a callback, and forgets it.

A name that is not ASCII it does not even tell: it ends the handshake with internal_error, and writes about that to
stderr. Who listens can know it by `was_told`, and keeps stderr clean with `whatever_they_ask_for`.

The callback may also choose what is shown: the certificate for that name. The version it cannot choose any more; that
was agreed before OpenSSL calls it.
"""

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class AskedSocket(ssl.SSLSocket):
    """An SSLSocket of a server that knows what it was asked for."""

    asked_for: str | None = None
    was_told: bool = False
    """Whether `ssl` has come so far as to tell it, be it that no name was asked for."""


class AskedObject(ssl.SSLObject):
    """The same without a socket."""

    asked_for: str | None = None
    was_told: bool = False


Answer = ssl.SSLContext | int | None
"""What to go on with: another context, an alert, or just so."""


def just_so(name: str | None) -> Answer:
    """Whatever is asked for."""
    return None


def listen_for_names(context: ssl.SSLContext, choose: Callable[[str | None], Answer] = just_so) -> None:
    """Let a server's context keep the name; None where the client sends none."""

    def on_name(tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if isinstance(tls, AskedSocket | AskedObject):
            tls.asked_for, tls.was_told = name, True
        answer = choose(name)
        if isinstance(answer, ssl.SSLContext):
            tls.context = answer
            return None
        return answer

    context.sslsocket_class, context.sslobject_class = AskedSocket, AskedObject
    context.sni_callback = on_name


@contextmanager
def whatever_they_ask_for() -> Iterator[None]:
    """While this lasts, nothing is written to stderr of a name that is not ASCII; the client has its alert anyway."""
    before = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if not (isinstance(unraisable.exc_value, UnicodeDecodeError) and isinstance(unraisable.object, bytes)):
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        if sys.unraisablehook is hook:
            sys.unraisablehook = before
