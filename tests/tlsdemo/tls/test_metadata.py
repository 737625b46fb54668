"""What is said to be visible without a key, in what OpenSSL sends."""

import ssl

import pytest

from tlsdemo.attack.passive import talk
from tlsdemo.attack.real_world import world
from tlsdemo.compare.protocols import find
from tlsdemo.protocol import Flight, Side
from tlsdemo.wire.visible import visible


def seen(name: str) -> str:
    protocol = find(name)
    return "\n".join(visible(talk(protocol, world(protocol.key_type)).tape))


@pytest.mark.parametrize("name", ["tls", "tls12", "tls12-rsa"])
def test_the_name_asked_for_is_in_the_clear(name: str) -> None:
    assert "SNI, RFC 6066 §3): localhost" in seen(name)


def test_the_certificate_is_in_the_clear_up_to_tls_1_2() -> None:
    assert "the server's certificate is in the clear, in TLS 1.2: DNS:localhost" in seen("tls12")
    assert "DNS:localhost" not in seen("tls")


def test_where_none_is_shown_none_is_seen() -> None:
    assert "the server's certificate is in the clear" not in seen("tls-anon")


def test_sizes_are_those_of_what_was_said() -> None:
    """`PAY 0100 pin=` and 16 digits, a newline, the content type, and 16 bytes of the tag: 47."""
    assert ", 47, " in seen("tls")


def hello(**settings: list[str]) -> bytes:
    context = ssl.create_default_context()
    if alpn := settings.get("alpn"):
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="shop.example").do_handshake()
    return outgoing.read()


def test_what_is_spoken_inside_is_seen_if_the_client_says_it() -> None:
    (name, inside) = visible([Flight(Side.CLIENT, hello(alpn=["h2", "http/1.1"]))])
    assert name.endswith("shop.example")
    assert inside.endswith("h2, http/1.1")
    assert len(visible([Flight(Side.CLIENT, hello())])) == 1


@pytest.mark.parametrize("junk", [b"", b"\x16\x03\x03\x00", b"GET / HTTP/1.1\r\n", bytes(range(256)), b"\x17" * 50])
def test_junk_is_no_conversation(junk: bytes) -> None:
    assert not any("SNI" in each for each in visible([Flight(side, junk) for side in Side]))


def test_a_hostile_name_cannot_drive_a_terminal() -> None:
    first = hello().replace(b"shop.example", b"shop\x1b[2Jxmpl")
    assert "\x1b" not in "".join(visible([Flight(Side.CLIENT, first)]))
