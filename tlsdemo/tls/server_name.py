"""Keeps the name that a client asks for (server_name, RFC 6066 §3): `ssl` passes it to a callback and forgets it.

For a name that is not ASCII, `ssl` does not call the callback: it ends the handshake with internal_error and writes to
stderr. `was_told` is then False, and `whatever_they_ask_for` keeps stderr clean.

The callback can also choose the context, and so the certificate for that name. It cannot choose the version, which is
negotiated before OpenSSL calls it.
"""

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class AskedSocket(ssl.SSLSocket):
    """A server's SSLSocket that keeps the name that the client asked for."""

    asked_for: str | None = None
    was_told: bool = False
    """Whether `ssl` has called the callback, also if the client sent no name."""


class AskedObject(ssl.SSLObject):
    """The same for an SSLObject."""

    asked_for: str | None = None
    was_told: bool = False


Answer = ssl.SSLContext | int | None
"""How the handshake continues: with another context, with an alert, or unchanged (None)."""


def just_so(name: str | None) -> Answer:
    """Continue unchanged."""
    return None


def listen_for_names(context: ssl.SSLContext, choose: Callable[[str | None], Answer] = just_so) -> None:
    """Let a server's context keep the name (None if the client sends none), and `choose` how to continue."""

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
    """Suppress what `ssl` writes to stderr for a name that is not ASCII; the client gets its alert in any case."""
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
