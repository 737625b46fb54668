"""`tlsdemo connect` over real TLS: one conversation with `ssl`, or why there was none. EDGE."""

import os
import shlex
import ssl
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NoReturn

from pki import names
from pki.console import CERTS, remark
from pki.errors import ExitCode, Problem, printable
from pki.store.output import prepare_key_log
from tlsdemo import net, peer
from tlsdemo.cli.target import ConnectOptions, Target, be_brief, presented, print_answer, tell
from tlsdemo.tls import client, errors
from tlsdemo.tls.context import Verify, client_context
from tlsdemo.tls.plaintext_reply import of_what_came

PATIENCE = 30.0  # seconds for the message and the whole of the answer


def connect_over_tls(settings: ConnectOptions, call: Target, message: str) -> None:
    """Say the message, and print the answer. A Problem says why not."""
    if settings.keylog:
        prepare_key_log(settings.keylog)
    context = client_context(call.anchors, crls=call.crls, credential=call.credential, keylog=settings.keylog)
    telling = tell if settings.explain else be_brief
    with net.dial(call.address) as plain:
        _tell_line(plain.getpeername()[0], call, telling)
        chain: list[bytes] = []
        try:
            with of_what_came(plain, context):
                tls = client.wrap(plain, context, names.plain(call.name), chain.extend)
        except OSError as error:
            _refuse(call, error, chain)
        with tls:
            remark(_agreement(tls))
            _tell_handshake(tls, call, telling)
            telling("the message", f"{message!r}: encrypted and authenticated; only how much it is can be seen.")
            try:
                answer = client.ask(tls, message, PATIENCE)
            except OSError as error:
                _lose(call, error, Phase.ANSWER)
            except client.AnswerTooLong:
                fact, evidence = f"{call.address} answers without end", "more than a megabyte was read"
                raise Problem(fact, evidence, hint="is it a server of ours?", code=ExitCode.NO) from None
    remark(f"sent: {printable(message)}")
    print_answer(answer)
    telling("the end", "the server said close_notify, authenticated like everything else: nothing was cut off.")
    _tell_unseen(telling)


# Refusals -----------------------------------------------------------------------------------------------------------


def _refuse(call: Target, error: OSError, chain: Sequence[bytes]) -> NoReturn:
    """The handshake failed: because of what we checked, what they said, or because they are gone."""
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
        "sent:       no application byte",
        hint=_hint(error.verify_code, reason.hint, shown, call),
        code=ExitCode.NO,
    ) from None


SEEN_TWICE = "            (as a second connection saw it, which only looked and sent nothing)"
UNTRUSTED = (18, 19, 20)  # verify codes
RESTART = "it bears your authority's name: after `pki init --force`, restart the server; else it is an imitation"


def _hint(code: int, general: str, shown: bytes | None, call: Target) -> str:
    """What mends it; where the trust anchor is that of `pki init` in a folder here, a command for that folder."""
    folder = call.trust_file.parent
    if call.trust_file.name != "root.pem" or not os.path.lexists(folder / "intermediate.key"):
        return general
    if code in UNTRUSTED and _bears_our_name(shown, call):
        return RESTART
    where = "" if folder == CERTS else f" --dir {shlex.quote(str(folder))}"
    name = names.plain(call.name)
    again = " --force" if os.path.lexists(folder / f"{name}.pem") else ""
    issue, init = f"pki issue {name}{where}{again}", f"pki init --force{where}"
    return errors.OURS.get(code, general).format(issue=issue, init=init)


def _bears_our_name(shown: bytes | None, call: Target) -> bool:
    """Whether its issuer has the organization of a CA that is trusted here; any CA can claim that."""
    return shown is not None and peer.shares_an_organization(shown, call.anchors)


def _look(call: Target) -> bytes | None:
    """The refused certificate in DER by a second connection, where this Python does not give out that of the first."""
    try:
        context = client_context((), verify=Verify.NOTHING_FOR_THE_DEMO)
        with net.dial(call.address, 3.0) as plain:
            return next(iter(client.look(plain, context, names.plain(call.name))), None)
    except (OSError, Problem):
        return None  # it showed its certificate to the first connection only


class Phase(Enum):
    """When a conversation failed: (what it means that the server is gone, what it means that it sent an alert)."""

    HANDSHAKE = (
        "before TLS was agreed: nothing has been sent",
        "during the handshake: nothing has been sent",
    )
    ANSWER = (
        "the line ended without close_notify: whatever came may be incomplete (RFC 8446 §6.1)",
        "in TLS 1.3 a client learns this only now, at its first read (RFC 8446 §4.4.2.4)",
    )


def _lose(call: Target, error: OSError, phase: Phase) -> NoReturn:
    """The conversation failed, for a reason that is no certificate's."""
    gone, alerted = phase.value
    hint = errors.hint(error)
    if isinstance(error, TimeoutError):
        raise Problem(f"{call.address} says nothing", "it was waited for in vain", hint=hint) from None
    if errors.is_gone(error):
        raise Problem(f"{call.address} hung up", gone, hint=hint) from None
    refused = isinstance(error, ssl.SSLError) and errors.alert(error) is not None
    unproved = isinstance(error, ssl.SSLError) and error.reason in errors.UNPROVED
    said = "refuses us" if refused else "is refused" if unproved else "does not speak TLS with us"
    evidence = [alerted] if refused else []
    fact = f"{call.address} {said}: {errors.sentence(error)}"
    raise Problem(fact, *evidence, hint=hint, code=ExitCode.NO) from None


# Telling ------------------------------------------------------------------------------------------------------------


def _agreement(tls: ssl.SSLSocket) -> str:
    agreed = f"agreed on {tls.version()}, {(tls.cipher() or ('?',))[0]}"
    found = _certificate(tls)
    if found.unreadable:  # OpenSSL has read it, and matched the name that was asked for
        return f"{agreed}; the server proved to be what was asked for, with {found.shown}"
    return f"{agreed}; the server proved to be {found.shown}"


def _certificate(tls: ssl.SSLSocket) -> peer.Description:
    return peer.describe(tls.getpeercert(binary_form=True) or b"")


def _tell_line(host: str, call: Target, tell: Callable[[str, str], None]) -> None:
    tell(
        "the line",
        f"TCP to {host}, port {call.address.port}. Nobody has proved anything yet, and whoever sits "
        "on the path can read and change every byte.",
    )
    anchors = peer.listed([peer.describe(each).subject for each in call.anchors])
    tell(
        "known beforehand",
        f"{call.trust_file}: {anchors}. It did not come over this line: that is what makes it worth anything.",
    )


def _tell_handshake(tls: ssl.SSLSocket, call: Target, tell: Callable[[str, str], None]) -> None:
    cipher, _, bits = tls.cipher() or ("?", "?", 0)
    tell(
        "the handshake",
        f"{tls.version()} with {cipher}, keys of {bits} bits. Both sides drew a fresh Diffie-Hellman share; who only "
        "listened has seen the shares, and cannot compute the keys.",
    )
    certificate = _certificate(tls)
    tell(
        "who answered",
        f"{certificate.shown}; certified by {certificate.issuer}, until {certificate.not_after}. It signed this very "
        "handshake with the key of that certificate.",
    )
    revoked = "that none of it is revoked" if call.crls else "NOT whether it is revoked: no list is at hand"
    tell(
        "checked",
        f"each signature up to {call.trust_file}; the dates; that it may be a server; "
        f"that it is valid for {names.plain(call.name)}; {revoked}.",
    )


def _tell_unseen(tell: Callable[[str, str], None]) -> None:
    tell(
        "not visible",
        "`ssl` keeps to itself: the messages of the handshake, the group and the shares of the Diffie-Hellman "
        "exchange, the signature, the session tickets. The keys come out with --keylog FILE; with them, Wireshark "
        "shows the rest.",
    )
