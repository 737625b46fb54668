"""A certificate that cannot be read in part ends nothing: it is described, with the reason, wherever it is shown."""

import ast
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from hypothesis import assume, given
from hypothesis import strategies as st

from pki import keys
from pki.asn1 import der
from pki.authority import Credential
from pki.cases.tbs_certificate import Draft
from tests.peers.conftest import Serve
from tests.peers.support import Live, live, live_rung, party_of, trusting
from tests.tlsdemo.conftest import Command
from tests.tlsdemo.odd import ACCEPTED_BY_OPENSSL, ODD, SERVED, Odd, dns, names, odd
from tlsdemo import net, peer
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.events import Closed, Event, Refused
from tlsdemo.lab.context import lab_context
from tlsdemo.protocol import Side
from tlsdemo.violations import ProtocolError


def served(shown: Odd) -> AbstractContextManager[Live]:
    return live(lab_context((shown.pem, shown.key_pem)))


@pytest.mark.parametrize("what", ODD)
def test_every_certificate_is_described_without_an_exception(certs: Path, what: str) -> None:
    found = peer.describe(odd(certs, ODD[what]).der)
    for text in (found.shown, found.subject, found.issuer, found.validity, found.not_after):
        assert text
        assert text.isprintable()
        assert "ParseError" not in text


def test_the_rule_that_a_string_breaks_is_named(certs: Path) -> None:
    found = peer.describe(odd(certs, ODD["an underscore in a PrintableString"]).der)
    assert found.unreadable == (
        "the common name of the subject is a PrintableString with '_' (X.680 §41.4 lists the allowed characters)"
    )


# The client ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("explain", [(), ("--explain",)], ids=["", "explain"])
@pytest.mark.parametrize("what", ACCEPTED_BY_OPENSSL)
def test_connect_goes_on_with_what_openssl_accepts(
    cli: Command, certs: Path, tmp_path: Path, what: str, explain: tuple[str, ...]
) -> None:
    (tmp_path / "root.pem").write_bytes((certs / "root.pem").read_bytes())
    with served(odd(certs, ACCEPTED_BY_OPENSSL[what])) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", tmp_path / "root.pem", *explain)
    if "error: " in answer.err:  # this OpenSSL refuses it, for a reason of its own
        assert answer.code == 1
        assert "verify code" in answer.err
        return
    assert answer.code == 0, answer.err
    assert answer.out.startswith("received:  my important message\n")
    assert re.search("the server is authenticated (as DNS:localhost|for the name that was asked for)", answer.err)


def test_connect_says_why_the_names_cannot_be_read(cli: Command, certs: Path, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes((certs / "root.pem").read_bytes())
    with served(odd(certs, ODD["an underscore in a PrintableString"])) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", tmp_path / "root.pem")
    assert answer.code == 0
    assert "names cannot be read: the common name of the subject is a PrintableString with '_'" in answer.err


@pytest.mark.parametrize("trust", ["root.pem", "rogue/ca.pem"])
@pytest.mark.parametrize("what", SERVED)
def test_connect_refuses_without_a_traceback(cli: Command, certs: Path, what: str, trust: str) -> None:
    with served(odd(certs, ODD[what])) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", certs / trust, "--name", "shop.example")
    assert answer.code == 1, answer.err
    assert "error: " in answer.err
    assert "presented:  " in answer.err
    assert "ParseError" not in answer.err


# The server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", SERVED)
def test_a_server_tells_of_every_client_and_once_ends(serve: Serve, certs: Path, what: str, tmp_path: Path) -> None:
    server = serve("--require-client-cert", "--once")
    shown = odd(certs, ODD[what], Side.CLIENT)
    context = trusting(certs)
    context.load_cert_chain(*shown.write(tmp_path))
    with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
        tls = context.wrap_socket(plain, server_hostname="localhost")
        try:
            tls.sendall(b"hello\n")
            answer = tls.recv(1 << 14)
        except OSError:
            answer = b""
        tls.close()
    code = server.wait()
    assert not server.err, server.err
    last = server.events[-1]
    assert (code, last["event"]) in ((0, "closed"), (1, "refused")), server.events
    if code == 0:
        agreed = server.event("agreed")
        assert agreed["client"] or agreed["unreadable"]
        assert answer.startswith(b"received:  hello\n")


def test_a_fault_of_ours_in_a_conversation_ends_once_with_3(
    cli: Command, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server whose conversation raises: the thread ends, and so does --once."""
    import tlsdemo.cli.serve as command

    def breaks(connection: net.Connection, *_: object) -> Event:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(command, "converse", breaks)
    listen = net.listen
    ports: queue.Queue[int] = queue.Queue()

    def told(*words: object, **options: object) -> net.Listener:
        listener = listen(*words, **options)  # type: ignore[arg-type]  # passed on as they came
        ports.put(listener.port)
        return listener

    monkeypatch.setattr(net, "listen", told)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def knock() -> None:
        with socket.create_connection(("127.0.0.1", ports.get(timeout=10)), 10) as plain:
            plain.sendall(b"x")
            plain.recv(1)

    client = threading.Thread(target=knock)
    client.start()
    answer = cli("serve", "--certs", certs, "--port", "0", "--once")
    client.join(10)
    assert answer.code == 3


@pytest.mark.parametrize("what", SERVED)
def test_a_server_starts_with_any_certificate_or_says_why_not(certs: Path, tmp_path: Path, what: str) -> None:
    certificate, key = odd(certs, ODD[what]).write(tmp_path)
    command = (sys.executable, "-m", "tlsdemo", "serve", "--port", "0", "--cert", certificate, "--key", key)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout
        begins = re.compile("listening on |error: ")
        told = next(line for line in server.stdout if begins.match(line) or "Traceback" in line)
        if not told.startswith("error: "):
            server.send_signal(signal.SIGINT)
        rest = server.stdout.read()
    assert begins.match(told), told + rest
    assert "Traceback" not in rest
    assert server.returncode == (3 if told.startswith("error: ") else 0)


@pytest.mark.parametrize("what", ["an address of five bytes", "an unknown TLS feature", "an X.400 address"])
def test_a_server_introduces_itself_whatever_its_certificate_says(
    serve: Serve, certs: Path, tmp_path: Path, what: str
) -> None:
    certificate, key = odd(certs, ODD[what]).write(tmp_path)
    serve("--cert", certificate, "--key", key, as_json=False).wait_for("openssl s_client")


def test_a_name_that_is_not_one_host_is_not_asked_for(serve: Serve, certs: Path, tmp_path: Path) -> None:
    def without_localhost(draft: Draft) -> Draft:
        value = der.sequence(dns(b"a_b.example"), dns(b"$(reboot)"), dns(b"good.example"))
        return draft.having_raw(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, value)

    certificate, key = odd(certs, without_localhost).write(tmp_path)
    server = serve("--cert", certificate, "--key", key, as_json=False)
    server.wait_for("tlsdemo connect .* --name good.example")
    server.wait_for("  for a_b.example, ")


@pytest.mark.parametrize("protocol", ["mutual"])
@pytest.mark.parametrize("what", ODD)
def test_the_educational_server_tells_of_every_client(certs: Path, protocol: str, what: str) -> None:
    shown = odd(certs, ODD[what], Side.CLIENT)
    chain = FakeChain(shown.der)
    credential = Credential(keys.from_pem(shown.key_pem), chain)  # type: ignore[arg-type]  # only sent
    with live_rung(protocol, certs) as server:
        own = replace(party_of(certs, Side.CLIENT), credential=credential)
        endpoint = edu(RUNGS[protocol]).client(own)
        with server.dial() as plain:
            link = net.Link(plain, endpoint)
            with suppress(ProtocolError):
                link.handshake(time.monotonic() + 10)
                link.send(b"hello\n", time.monotonic() + 10)
                link.receive(time.monotonic() + 10)
        ending = server.ending()
    assert isinstance(ending, Refused | Closed)
    if isinstance(ending, Refused):
        assert "ParseError" not in ending.reason


@dataclass(frozen=True)
class FakeChain:
    """A certificate that the library need not have loaded: what the client sends of it is its bytes."""

    der: bytes

    def public_bytes(self, encoding: Encoding) -> bytes:
        return self.der


# Names that look like others ----------------------------------------------------------------------------------------

TRICKS = [b"evil.org, DNS:example.com", b'a"b', b"a\\b", b"a\nb", b"a b", b"a;b", b"'a'", b"\x1b[2J", b"a\x00b"]


@pytest.mark.parametrize("trick", TRICKS)
def test_one_name_never_looks_like_two(cli: Command, certs: Path, trick: bytes, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes((certs / "root.pem").read_bytes())
    with served(odd(certs, names(dns(trick)))) as server:
        answer = cli("connect", f"localhost:{server.port}", "--trust", tmp_path / "root.pem")
    assert answer.code == 0, answer.err
    line = next(line for line in answer.err.splitlines() if "authenticated as" in line)
    assert line.isprintable()
    found = line.partition("authenticated as ")[2]
    first, _, second = found.partition(", ")
    assert (first, second[:4]) == ("DNS:localhost", "DNS:")
    assert ast.literal_eval(second[4:]) == trick.decode()


KINDS = st.sampled_from(["DNS", "URI", "email", "dirName"])


@given(st.lists(st.tuples(KINDS, st.text(max_size=20)), min_size=1, max_size=5))
def test_what_is_listed_can_be_told_apart_again(found: list[tuple[str, str]]) -> None:
    assume(not any(re.search(peer.LITERAL, value) for _, value in found))  # in quotes already
    line = peer.listed([f"{kind}:{value}" for kind, value in found])
    assert line.isprintable()
    assert _parsed(line) == [f"{kind}:{value}" for kind, value in found]


def _parsed(line: str) -> list[str]:
    """The names of a line, read again by the rule: in quotes with escapes, or up to the next comma."""
    names = []
    for found in re.finditer(r"""((?:DNS|URI|email|IP):)?(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)""", line):
        kind, literal, plain = found.groups()
        names.append((kind or "") + (ast.literal_eval(literal) if literal else plain))
        if not found[0].endswith(", "):
            break
    return names


def test_many_and_long_names_are_cut_for_people_and_whole_in_json(certs: Path) -> None:
    many = [f"host-{number}.example" for number in range(2000)]
    shown = odd(certs, names(dns(b"x" * 5000), *(dns(each.encode()) for each in many)), Side.CLIENT)
    found = peer.describe(shown.der)
    assert len(found.shown) < 1000
    assert found.shown.endswith("… (2002 in all)")
    assert re.search(r"… \(500[02] characters\)", found.shown)
    assert len(found.names) == 2002
    assert found.identity[-1] == "DNS:host-1999.example"


def test_without_alternative_names_the_subject_is_shown(certs: Path) -> None:
    shown = odd(certs, lambda draft: draft.without(x509.SubjectAlternativeName.oid), Side.CLIENT)
    found = peer.describe(shown.der)
    assert found.identity == ("CN=leaf",)
    assert "CN=leaf" in found.shown


# Anything -----------------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_any_byte_of_a_certificate_may_be_any_other(certs: Path, data: st.DataObject) -> None:
    der = bytearray(odd_der(certs))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    found = peer.describe(bytes(der))
    assert found.shown.isprintable()


def odd_der(certs: Path) -> bytes:
    return x509.load_pem_x509_certificate((certs / "server.pem").read_bytes()).public_bytes(Encoding.DER)


@given(st.binary(max_size=300))
def test_any_bytes_may_be_described(data: bytes) -> None:
    assert peer.describe(data).unreadable


def test_a_panic_of_the_library_is_a_reason_and_ctrl_c_is_not() -> None:
    class PanicException(BaseException):
        pass

    def panics() -> None:
        raise PanicException

    def interrupts() -> None:
        raise KeyboardInterrupt

    assert isinstance(peer.attempt(panics), peer.Unreadable)
    with pytest.raises(KeyboardInterrupt):
        peer.attempt(interrupts)
