"""How the tests visit the shared lab: as TLS clients that say what they see, and as sockets that behave badly."""

import json
import socket
import ssl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import run, tool
from tests.peers.support import DEADLINE
from tlsdemo.cli.lab import Files, _document, _write
from tlsdemo.lab.server import BY_NAME, Laboratory
from tlsdemo.lab.tester import Tester
from tlsdemo.lab.visit import Visit

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: %s\r\n\r\n"
LOOPBACKS = ("127.0.0.1", "::1")
Case = Mapping[str, Any]
"""One of the `cases` of the JSON document."""


@dataclass(frozen=True)
class Lab:
    """The lab that is open, what it says of itself, and its files."""

    opened: Laboratory
    document: Mapping[str, Any]
    files: Files

    def case(self, name: str) -> Case:
        """What the document says of it."""
        return next(each for each in self.document["cases"] if each["case"] == name)

    def port(self, name: str) -> int:
        """Its own port, or that of a control."""
        return self.opened.ports[name] if name in self.opened.ports else int(self.case(name)["port"])

    @property
    def sni_port(self) -> int:
        """Where the name chooses."""
        return int(self.document["sni_port"])

    def ca(self, name: str = "good") -> str:
        """The file of what a client has to trust."""
        return str(self.case(name)["ca_file"] or self.document["ca_file"])

    def client(self, name: str) -> tuple[str, str]:
        """A client's certificate and its key."""
        return str(self.files.folder / f"client-{name}.pem"), str(self.files.folder / f"client-{name}.key")

    @contextmanager
    def visits(self, name: str, *, by_name: bool = False) -> Iterator[list[Visit]]:
        """The visits that are made to a case within the block: there once the block has ended."""
        own = name in self.opened.ports and name != BY_NAME
        self.opened.settled(self.sni_port, *([self.port(name)] if own else []))  # those who were here before
        before, found = len(self.opened.visits_of(name)), list[Visit]()
        yield found
        self.opened.settled(self.port(name) if own and not by_name else self.sni_port)
        found += self.opened.visits_of(name)[before:]


def lab_of(tester: Tester, folder: Path) -> Lab:
    """The shared lab, with its files in this folder."""
    files = _write(None, folder, tester.lab)
    (document,) = _document(tester.lab, files)
    return Lab(tester.lab, json.loads(document), files)


def only(visits: Sequence[Visit]) -> Visit:
    """The one that there is."""
    (visit,) = visits
    return visit


# TLS clients ----------------------------------------------------------------------------------------------------------


def checking(ca: str) -> ssl.SSLContext:
    """A client as this Python makes them."""
    return ssl.create_default_context(cafile=ca)


def careless(newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    """A client that takes whatever it is shown, in any suite."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    return context


@dataclass(frozen=True)
class Seen:
    """What a client has seen."""

    code: int | None
    """The verify code with which it refuses the certificate; 0 if it fails for another reason, None if it accepts."""
    answer: bytes = b""
    leaf: bytes = b""
    version: str = ""
    why: str = ""


def look(port: int, name: str | None, context: ssl.SSLContext, host: str = "127.0.0.1", agent: bytes = b"test") -> Seen:
    """Connect, ask, and read the answer."""
    try:
        with (
            socket.create_connection((host, port), DEADLINE) as plain,
            context.wrap_socket(plain, server_hostname=name) as tls,
        ):
            tls.sendall(REQUEST % agent)
            return Seen(None, everything(tls), tls.getpeercert(binary_form=True) or b"", tls.version() or "")
    except ssl.SSLCertVerificationError as error:
        return Seen(error.verify_code, why=error.verify_message)
    except OSError as error:
        return Seen(0, why=str(error))


def everything(connected: socket.socket) -> bytes:
    """All that comes until the end, or a reset."""
    found = b""
    with suppress(ConnectionError):
        while data := connected.recv(1 << 16):
            found += data
    return found


def s_client(port: int, *options: str | Path, say: str = "hello\n") -> str:
    """`openssl s_client`: all that it prints."""
    done = run(
        tool("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *options,
        stdin=None, input=say,
    )  # fmt: skip
    return done.stdout + done.stderr


# Sockets --------------------------------------------------------------------------------------------------------------


def hello(name: str | None = "localhost", newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> bytes:
    """A ClientHello as OpenSSL writes it."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        careless(newest).wrap_bio(down, up, server_hostname=name).do_handshake()
    return up.read()


def dial(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A plain connection."""
    return socket.create_connection((host, port), DEADLINE)
