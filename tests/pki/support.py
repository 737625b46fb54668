"""Shared by the tests of `pki`: independent verifiers, a TLS handshake in memory, checks of a healthy store."""

import os
import ssl
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from pki import keys, names
from pki.authority import Authority, Credential, Validity, authority_name
from pki.keys import KeyType, PrivateKey
from pki.profiles import INTERMEDIATE, ROOT, SERVER, Profile
from pki.store import issue as issuing
from pki.store.ca import Existing, Minted
from tests.conftest import run, tool

TREE = {
    "root.pem", "root.key", "intermediate.pem", "intermediate.key", "server.pem", "server.key", "client.pem",
    "client.key", "crl.pem", "rogue/ca.pem", "rogue/server.pem", "rogue/server.key",
}  # fmt: skip
"""The files of issue 2, section 2."""

STRICT_3_13 = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
"""What Python 3.13 added to `create_default_context`."""


# Independent judges -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judgement:
    """The verdict of an independent verifier."""

    accepted: bool
    words: str


def by_openssl(anchor: Path, file: Path, name: str = "localhost", *more: str | Path) -> Judgement:
    """`openssl verify` in strict mode; the certificates after the leaf in `file` are intermediates."""
    done = run(
        tool("openssl"), "verify", "-x509_strict", "-verify_hostname", name,
        "-CAfile", anchor, "-untrusted", file, *more, file,
    )  # fmt: skip
    return Judgement(done.returncode == 0, done.stdout + done.stderr)


def by_gnutls(anchor: Path, file: Path, name: str = "localhost") -> Judgement:
    """GnuTLS, which shares no code with OpenSSL."""
    done = run(
        tool("certtool"), "--verify", "--verify-profile", "low", "--load-ca-certificate", anchor,
        "--infile", file, "--verify-hostname", name,
    )  # fmt: skip
    return Judgement(done.returncode == 0, done.stdout + done.stderr)


def by_ssl(anchor: Path, file: Path, name: str = "localhost") -> Judgement:
    """Python's ssl with the strict flags of 3.13, in a real handshake."""
    refused = handshake(anchor, file.read_text(), file.with_suffix(".key").read_text(), name=name, flags=STRICT_3_13)
    return Judgement(refused is None, str(refused))


def by_cryptography(anchor: Path, file: Path, name: str = "localhost") -> Judgement:
    """The verifier of the library that made the certificate: separate code, in Rust."""
    chain = x509.load_pem_x509_certificates(file.read_bytes())
    store = verification.Store(x509.load_pem_x509_certificates(anchor.read_bytes()))
    try:
        verification.PolicyBuilder().store(store).build_server_verifier(x509.DNSName(name)).verify(chain[0], chain[1:])
    except verification.VerificationError as error:
        return Judgement(False, str(error))
    return Judgement(True, "")


JUDGES = {
    "openssl": by_openssl,
    "python-ssl": by_ssl,
    "cryptography": by_cryptography,
    "gnutls": by_gnutls,
}


def handshake(
    anchor: Path | str,
    chain_pem: str,
    key_pem: str,
    *,
    name: str,
    flags: ssl.VerifyFlags = ssl.VERIFY_DEFAULT,
    ciphers: str | None = None,
) -> ssl.SSLCertVerificationError | None:
    """A TLS handshake in memory; the client's refusal of the server's certificate, if it refuses.

    If the client never gets to validate the certificate, an exception is raised.
    """
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.verify_flags |= flags
    if ciphers:
        client_context.set_ciphers(ciphers)
    if isinstance(anchor, Path):
        client_context.load_verify_locations(cafile=anchor)
    else:
        client_context.load_verify_locations(cadata=anchor)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.set_ciphers("ALL:@SECLEVEL=0")  # it serves whatever it is given
    _load(server_context, chain_pem, key_pem)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=name)
    server = server_context.wrap_bio(up, down, server_side=True)
    done = [False, False]
    for _ in range(10):
        for place, side in enumerate((client, server)):
            try:
                side.do_handshake()
                done[place] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return error
        if all(done):
            return None
    raise AssertionError("the handshake does not end")


def _load(context: ssl.SSLContext, chain_pem: str, key_pem: str) -> None:
    descriptor = os.memfd_create("credential")
    try:
        os.write(descriptor, (key_pem + chain_pem).encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


# Minting ------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def pem(*certificates: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """All of them, one after the other."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def first(path: Path) -> x509.Certificate:
    """The first certificate of a file."""
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def key() -> PrivateKey:
    """A fresh P-256 key."""
    return keys.generate(KeyType.EC_P256)


def serial() -> int:
    """A fresh random serial."""
    return x509.random_serial_number()


def validity(start: datetime = NOW - DAY, days: int = 90) -> Validity:
    """A validity around NOW by default."""
    return Validity(start, start + days * DAY)


def a_root(name: str = "test", dates: Validity | None = None) -> Authority:
    """A root of a test's own."""
    return Authority.self_signed(
        ROOT, subject=authority_name(name, "root"), key=key(), validity=dates or validity(days=3650), serial=serial()
    )


def an_intermediate(root: Authority, dates: Validity | None = None) -> Authority:
    """An intermediate under it."""
    subject = authority_name("test", "intermediate")
    return root.subordinate(
        INTERMEDIATE, subject=subject, key=key(), validity=dates or validity(days=1825), serial=serial()
    )


def a_leaf(
    authority: Authority,
    names: Sequence[x509.GeneralName] = (x509.DNSName("localhost"),),
    dates: Validity | None = None,
    profile: Profile = SERVER,
    leaf_key: PrivateKey | None = None,
) -> Credential:
    """A leaf under it."""
    return authority.issue(
        profile, alternative_names=names, key=leaf_key or key(), validity=dates or validity(), serial=serial()
    )


# The store ----------------------------------------------------------------------------------------------------------


def files(directory: Path) -> set[str]:
    """All files of a directory but the bookkeeping of `pki`, by relative name."""
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if not path.is_dir() and ".pki" not in path.relative_to(directory).parts
    }


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Every visible file with its mode and its bytes (a link with its target)."""
    return {
        name: (
            stat.S_IMODE(os.lstat(directory / name).st_mode),
            os.readlink(directory / name).encode()
            if (directory / name).is_symlink()
            else (directory / name).read_bytes(),
        )
        for name in files(directory)
    }


def all_keys(directory: Path) -> Iterator[Path]:
    """Every private key below a directory, staged and set aside ones included."""
    return directory.rglob("*.key")


def assert_keys_are_private(directory: Path) -> None:
    """No other user can read any key."""
    for path in all_keys(directory):
        assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600, path


def assert_store_is_healthy(directory: Path) -> None:
    """Every visible file parses, and each key belongs to the certificate of its name."""
    assert_keys_are_private(directory)
    for name in files(directory):
        path = directory / name
        if path.name == "crl.pem":
            assert b"-----END X509 CRL-----" in path.read_bytes()
            x509.load_pem_x509_crl(path.read_bytes())
        elif path.suffix == ".pem":
            assert x509.load_pem_x509_certificates(path.read_bytes())
        elif path.suffix == ".key":
            own = keys.from_pem(path.read_bytes()).public_key()
            assert keys.fingerprint(own) == keys.fingerprint(first(path.with_suffix(".pem")).public_key()), name


def issue(
    directory: Path,
    *wanted: str,
    profile: Profile = SERVER,
    days: int = 9,
    now: datetime | None = None,
    force: bool = False,
    key_type: KeyType = KeyType.EC_P256,
) -> Minted:
    """`pki issue` without the process."""
    now = now or datetime.now(UTC)
    order = issuing.Order([names.parse(name) for name in wanted], profile, issuing.validity(now, days))
    existing = Existing.MOVE_ASIDE if force else Existing.REFUSE
    return issuing.issue(directory, [order], key_type=key_type, now=now, existing=existing)[0]
