"""The name that a client asks for (server_name, RFC 6066 §3), kept: `ssl` tells it once, to a callback, and forgets it.

The callback may also choose what is shown: the certificate for that name. The version it cannot choose any more; that
was agreed before OpenSSL calls it.
"""

import ssl
from collections.abc import Callable


class AskedSocket(ssl.SSLSocket):
    """An SSLSocket of a server that knows what it was asked for."""

    asked_for: str | None = None


class AskedObject(ssl.SSLObject):
    """The same without a socket."""

    asked_for: str | None = None


Answer = ssl.SSLContext | int | None
"""What to go on with: another context, an alert, or just so."""


def just_so(name: str | None) -> Answer:
    """Whatever is asked for."""
    return None


def listen_for_names(context: ssl.SSLContext, choose: Callable[[str | None], Answer] = just_so) -> None:
    """Let a server's context keep the name; None where the client sends none."""

    def on_name(tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if isinstance(tls, AskedSocket | AskedObject):
            tls.asked_for = name
        answer = choose(name)
        if isinstance(answer, ssl.SSLContext):
            tls.context = answer
            return None
        return answer

    context.sslsocket_class, context.sslobject_class = AskedSocket, AskedObject
    context.sni_callback = on_name
