"""The fixtures for pytest: a CA, and servers with a broken certificate. pytest loads this module where it is installed.

pki_ca               a CA in memory, one for the session
server_credential    its certificate for localhost, 127.0.0.1 and ::1, with the key
bad_certificate      bad_certificate("expired"): the files of a test certificate, for a server of your own
tls_lab              a lab in this process, one for the session
bad_tls_server       bad_tls_server("expired"): a running server with this case, and what your client did there

The module imports pytest and the standard library alone, so that a session that uses no fixture pays nothing for it.
`-p no:tlsdemo` switches it off.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pki import CA, Credential
    from pki.cases import MintedCase, Served
    from tlsdemo.lab.local import LabServer, LocalLab

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class BadCertificate:
    """The files of a test certificate: what a server loads, and what its client trusts."""

    host: str
    """The name that the client asks for."""
    chain_file: Path
    """What the server presents, in PEM, leaf first."""
    key_file: Path
    """The server's private key, not encrypted."""
    ca_file: Path
    """What the client trusts: a root for this certificate alone."""
    crl_file: Path | None
    """The CRLs of the client; None if the case has none."""
    expect: str
    """What a strict client does: accept or reject."""
    control: "BadCertificate | None"
    """The same without the fault, which a client accepts; None if the case itself is one to accept."""
    minted: "MintedCase | Served" = field(repr=False)
    """The same in memory: `minted.configure(context)`, `minted.configure_trust(context)`."""


@pytest.fixture(scope="session")
def pki_ca() -> "CA":
    """A CA in memory (`pki.CA`), one for the session."""
    from pki import CA

    return CA.create()


@pytest.fixture(scope="session")
def server_credential(pki_ca: "CA") -> "Credential":
    """A certificate of `pki_ca` for localhost, 127.0.0.1 and ::1, with its key (`pki.Credential`)."""
    return pki_ca.issue(*LOCAL_NAMES)


@pytest.fixture(scope="session")
def bad_certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., BadCertificate]:
    """A function that writes a test certificate to files: `bad_certificate("expired", "example.test")`.

    Without names it is for localhost. `pki rogue list` lists the cases; another one raises ValueError.
    """

    def mint(case: str, *names: str) -> BadCertificate:
        from pki import cases

        minted = cases.mint(case, *(names or LOCAL_NAMES))
        folder = tmp_path_factory.mktemp(minted.case.id)
        control = None
        if minted.expected is cases.Must.REJECT:
            control = _written(minted.control, folder / "control", "accept", None)
        return _written(minted, folder, minted.expected.value, control)

    return mint


def _written(served: "Served", folder: Path, expect: str, control: BadCertificate | None) -> BadCertificate:
    files = served.write(folder)
    return BadCertificate(served.host, files.chain, files.key, files.anchors, files.crls, expect, control, served)


@pytest.fixture(scope="session")
def tls_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator["LocalLab"]:
    """A lab in this process, one for the session: `tls_lab.ca_file`, and `tls_lab.start("expired")`.

    The servers that `start` returns run until the session ends.
    """
    from tlsdemo.lab.local import LocalLab

    with LocalLab(tmp_path_factory.mktemp("tls_lab")) as lab:
        yield lab


@pytest.fixture
def bad_tls_server(tls_lab: "LocalLab") -> Iterator[Callable[[str], "LabServer"]]:
    """A function that starts a server of the lab until the test ends: `bad_tls_server("expired")`.

    It has `url` and `ca_file` for your client, and then `accepted`, `refused`, `did` and `requests`. A case that cannot
    be served on this machine skips the test. `tlsdemo lab --list` lists the cases; another one raises ValueError.
    """
    from tlsdemo.lab.local import NotServed

    with ExitStack() as until:

        def start(case: str) -> "LabServer":
            try:
                return tls_lab.start(case, until)
            except NotServed as reason:
                pytest.skip(str(reason))

        yield start
