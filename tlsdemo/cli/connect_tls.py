"""`tlsdemo connect` over real TLS: one conversation with `ssl`, or the reason why it failed. EDGE."""

import os
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import NoReturn

from pki import names
from pki.console import dir_option, remark
from pki.errors import ExitCode, Problem, printable
from pki.store.output import prepare_key_log
from tlsdemo import net, peer
from tlsdemo.cli import several_lines
from tlsdemo.cli.connect_http import fetch
from tlsdemo.cli.target import BEHIND, ConnectOptions, Target, presented, print_answer, recording, when_closed
from tlsdemo.tls import client, errors
from tlsdemo.tls.context import Verify, client_context
from tlsdemo.tls.plaintext_reply import of_what_came

PATIENCE = 30.0  # seconds for the message and the whole of the answer


def connect_over_tls(settings: ConnectOptions, call: Target, message: str | Iterator[str]) -> None:
    """Send the message, or several, or the request of --http, and print the answer. Raises Problem if that fails."""
    if settings.keylog:
        prepare_key_log(settings.keylog)
    with recording(settings, call) as recorder:
        keylog = recorder.keys.path if recorder else settings.keylog
        context = client_context(call.anchors, crls=call.crls, credential=call.credential, keylog=keylog)
        with net.dial(call.address, closed=when_closed(settings, call.address)) as dialled:
            plain = recorder.begin(dialled).socket if recorder else dialled
            with _connected(plain, context, call) as tls:
                answer = _converse(tls, settings, call, message)
    if answer is not None:
        remark(f"sent: {printable(str(message))}")
        print_answer(answer)


def _connected(plain: net.Socket, context: ssl.SSLContext, call: Target) -> ssl.SSLSocket:
    """The connection after a successful handshake."""
    chain: list[bytes] = []
    try:
        with of_what_came(plain, context):
            tls = client.wrap(plain, context, names.plain(call.name), chain.extend)
    except OSError as error:
        _refuse(call, error, chain)
    remark(_agreement(tls))
    return tls


def _converse(tls: ssl.SSLSocket, settings: ConnectOptions, call: Target, message: str | Iterator[str]) -> bytes | None:
    """Send, and return the answer to one message; None if the answers were printed already."""
    if settings.http is not None:
        fetch(tls, call, settings.http, lambda error: _lose(call, error, Phase.ANSWER))
        return None
    try:
        if not isinstance(message, str):
            several_lines.converse(_Channel(tls), message, call.address)
            return None
        return client.ask(tls, message, PATIENCE)
    except OSError as error:
        _lose(call, error, Phase.ANSWER)
    except client.AnswerTooLong:
        fact = f"{call.address} sent more than {client.ANSWER_LIMIT} bytes without close_notify"
        raise Problem(fact, hint="connect to `tlsdemo serve`", code=ExitCode.NO) from None


class _Channel:
    """A TLS connection, for `several_lines`."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._tls = tls

    def send(self, data: bytes, deadline: float) -> None:
        self._within(deadline)
        self._tls.sendall(data)

    def receive(self, deadline: float) -> bytes:
        self._within(deadline)
        return self._tls.recv(client.CHUNK)

    def close(self, deadline: float) -> None:
        self._within(deadline)
        with suppress(OSError):  # each line was answered
            self._tls.unwrap()

    def _within(self, deadline: float) -> None:
        self._tls.settimeout(max(deadline - time.monotonic(), 0.001))


# Refusals -----------------------------------------------------------------------------------------------------------


def _refuse(call: Target, error: OSError, chain: Sequence[bytes]) -> NoReturn:
    """Report a handshake that failed: a check of the certificate, an alert, or a closed connection."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        _lose(call, error, Phase.HANDSHAKE)
    reason = errors.of_certificate(error)
    shown = chain[0] if chain else _look(call)
    how = () if chain else (SEEN_TWICE,)
    raise Problem(
        f"{call.address} is refused: {reason.sentence}",
        f"check:      verify code {error.verify_code}, {printable(error.verify_message)} ({reason.section})",
        f"asked for:  {names.plain(call.name)}",
        f"trusting:   {call.trust_file}",
        *([*presented(peer.describe(shown)), *how] if shown else []),
        "sent:       no application data",
        hint=_hint(error.verify_code, reason.hint, shown, call),
        code=ExitCode.NO,
    ) from None


SEEN_TWICE = "            (as presented on a second connection, over which no data was sent)"
UNTRUSTED = (18, 19, 20)  # verify codes
RESTART = (
    "the issuer has the name of your CA: restart the server if you ran `pki init --force`; otherwise the certificate "
    "is forged"
)


def _hint(code: int, general: str, shown: bytes | None, call: Target) -> str:
    """What to do; with commands for the folder of `pki init`, if the trust anchor is from there."""
    folder = call.trust_file.parent
    if call.trust_file.name != "root.pem" or not os.path.lexists(folder / "intermediate.key"):
        return general
    if code in UNTRUSTED and _bears_our_name(shown, call):
        return RESTART
    where = dir_option(folder)
    name = names.plain(call.name)
    again = " --force" if os.path.lexists(folder / f"{name}.pem") else ""
    issue, init = f"pki issue {name}{where}{again}", f"pki init --force{where}"
    return errors.OURS.get(code, general).format(issue=issue, init=init)


def _bears_our_name(shown: bytes | None, call: Target) -> bool:
    """Whether the issuer's organization is that of a trust anchor. Any CA can use that name."""
    return shown is not None and peer.shares_an_organization(shown, call.anchors)


def _look(call: Target) -> bytes | None:
    """The refused certificate in DER over a second connection, for Pythons that do not return that of the first."""
    try:
        context = client_context((), verify=Verify.NOTHING_FOR_THE_DEMO)
        with net.dial(call.address, 3.0) as plain:
            return next(iter(client.look(plain, context, names.plain(call.name))), None)
    except (OSError, Problem):
        return None  # the server did not accept a second connection


class Phase(Enum):
    """When a conversation failed: (evidence if the connection was closed, evidence if an alert came)."""

    HANDSHAKE = (
        "during the handshake: no application data was sent",
        "during the handshake: no application data was sent",
    )
    ANSWER = (
        "without close_notify: the answer may be incomplete (RFC 8446 §6.1)",
        "in TLS 1.3 a client receives this alert only at its first read (RFC 8446 §4.4.2.4)",
    )


def _lose(call: Target, error: OSError, phase: Phase) -> NoReturn:
    """Report a conversation that failed for another reason than the server's certificate."""
    gone, alerted = phase.value
    hint = errors.hint(error)
    if isinstance(error, TimeoutError):
        raise Problem(f"{call.address} did not answer in time", hint=hint) from None
    if errors.is_gone(error):
        raise Problem(f"{call.address} closed the connection", gone, hint=f"{hint}; {BEHIND}") from None
    refused = isinstance(error, ssl.SSLError) and errors.alert(error) is not None
    unproved = isinstance(error, ssl.SSLError) and error.reason in errors.UNPROVED
    said = "refused the connection" if refused else "is refused" if unproved else "did not complete a TLS handshake"
    evidence = [alerted] if refused else []
    fact = f"{call.address} {said}: {errors.sentence(error)}"
    raise Problem(fact, *evidence, hint=hint, code=ExitCode.NO) from None


def _agreement(tls: ssl.SSLSocket) -> str:
    agreed = f"connected with {tls.version()}, {(tls.cipher() or ('?',))[0]}"
    found = _certificate(tls)
    if found.unreadable:  # OpenSSL could parse it, and matched the name that was asked for
        return f"{agreed}; the server is authenticated for the name that was asked for, with {found.shown}"
    return f"{agreed}; the server is authenticated as {found.shown}"


def _certificate(tls: ssl.SSLSocket) -> peer.Description:
    return peer.describe(tls.getpeercert(binary_form=True) or b"")
