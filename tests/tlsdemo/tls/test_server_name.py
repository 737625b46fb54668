"""The name that a client asks for, kept. Falsehoods caught: a name that is lost, one that is chosen for another, and a
client that writes on our terminal with a name that is none.
"""

import gc
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pki.store.files import read_credential
from tlsdemo.tls.context import server_context
from tlsdemo.tls.server_name import Answer, AskedObject, listen_for_names, whatever_they_ask_for
from tlsdemo.wire import first_flight
from tlsdemo.wire.extensions import HOST_NAME, SERVER_NAME, ServerName, ServerNameList
from tlsdemo.wire.fields import encode


def shown(certs: Path, *, rogue: bool = False) -> ssl.SSLContext:
    folder = certs / "rogue" if rogue else certs
    return server_context(read_credential(folder / "server.pem", folder / "server.key"))


def client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def meet(server: ssl.SSLContext, name: str | None, edit: Callable[[bytes], bytes] = bytes) -> tuple[AskedObject, bytes]:
    """A handshake in memory: the server's end, and the certificate that the client has seen. An SSLError, if one is."""
    up, down, arrived = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    near, far = client().wrap_bio(down, up, server_hostname=name), server.wrap_bio(arrived, down, server_side=True)
    assert isinstance(far, AskedObject)
    for _ in range(4):
        with suppress(ssl.SSLWantReadError):
            near.do_handshake()
        if sent := up.read():
            arrived.write(edit(sent))
        with suppress(ssl.SSLWantReadError):
            far.do_handshake()
    return far, near.getpeercert(binary_form=True) or b""


@pytest.mark.parametrize("name", ["localhost", "a.example", "EXPIRED.Localhost", "a" * 63 + ".example", "a_b", None])
def test_the_name_is_kept(certs: Path, name: str | None) -> None:
    context = shown(certs)
    listen_for_names(context)
    far, seen = meet(context, name)
    assert (far.asked_for, far.was_told) == (name, True)
    assert seen


def test_an_address_is_no_name(certs: Path) -> None:
    """RFC 6066 §3: literal addresses are not permitted; `ssl` sends none."""
    context = shown(certs)
    listen_for_names(context)
    assert meet(context, "127.0.0.1")[0].asked_for is None


def test_each_conversation_has_its_own(certs: Path) -> None:
    context = shown(certs)
    listen_for_names(context)
    names = [meet(context, name)[0] for name in ("a.example", None, "b.example")]
    assert [each.asked_for for each in names] == ["a.example", None, "b.example"]


def test_the_name_chooses_the_certificate(certs: Path) -> None:
    good, bad = shown(certs), shown(certs, rogue=True)
    listen_for_names(good, lambda name: bad if name == "bad.example" else None)
    by_name = {name: meet(good, name) for name in ("bad.example", "good.example", None)}
    assert by_name["bad.example"][1] != by_name["good.example"][1] == by_name[None][1]
    assert by_name["bad.example"][0].asked_for == "bad.example"


def test_the_name_may_be_answered_with_an_alert(certs: Path) -> None:
    def refuse(name: str | None) -> Answer:
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if name == "bad.example" else None

    context = shown(certs)
    listen_for_names(context, refuse)
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name|callback failed"):
        meet(context, "bad.example")
    assert meet(context, "good.example")[0].asked_for == "good.example"


def asking_for(name: bytes) -> Callable[[bytes], bytes]:
    """An edit: the ClientHello asks for these bytes."""

    def edit(sent: bytes) -> bytes:
        names = encode(ServerNameList((ServerName(HOST_NAME, name),)))
        return first_flight.edited(sent, lambda hello: hello.with_extension(SERVER_NAME, names))

    return edit


@pytest.mark.parametrize("name", [b"\xff", "bücher.example".encode(), b"a\x80"])
def test_a_name_that_is_not_ascii_ends_the_handshake_and_says_nothing_on_stderr(
    certs: Path, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: told.append(str(each.exc_value)))
    context = shown(certs)
    listen_for_names(context)
    with whatever_they_ask_for(), pytest.raises(ssl.SSLError):
        meet(context, "localhost", asking_for(name))
    assert told == []
    with pytest.raises(ssl.SSLError):  # otherwise it would be told
        meet(context, "localhost", asking_for(name))
    assert len(told) == 1


@pytest.mark.parametrize("name", [b"a b", b"\x1b[31m", b"..", b".", b"a" * 255, b"xn--a"])
def test_what_is_ascii_is_a_name_as_it_came(certs: Path, name: bytes) -> None:
    context = shown(certs)
    listen_for_names(context)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client().wrap_bio(ssl.MemoryBIO(), out := ssl.MemoryBIO(), server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        near.do_handshake()
    up.write(asking_for(name)(out.read()))
    far = context.wrap_bio(up, down, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        far.do_handshake()
    assert isinstance(far, AskedObject)
    assert far.asked_for == name.decode()


class Broken:
    """Its end is an error that nobody can be told."""

    def __del__(self) -> None:
        raise ValueError("another")


def test_other_errors_of_that_kind_are_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: told.append(str(each.exc_value)))
    hook = sys.unraisablehook
    with whatever_they_ask_for():
        Broken()
        gc.collect()
    assert told == ["another"]
    assert sys.unraisablehook is hook
