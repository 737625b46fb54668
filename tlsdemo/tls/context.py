"""The only builder of `ssl.SSLContext`: what a side checks is decided here.

With files on disk the same is three lines of the standard library:

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)       # checks the chain and the host name, from the start
    context.load_verify_locations("certs/root.pem")         # the one thing that must be known beforehand
    context.minimum_version = ssl.TLSVersion.TLSv1_2        # RFC 9325 §3.1.1

Credentials come in as values. `ssl` loads chains and revocation lists only from paths, so they pass through a
temporary file, 0600, with the key encrypted under a password that lives for these few lines.
"""

import os
import secrets
import ssl
import tempfile
import warnings
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pki import Credential
from pki.asn1 import der
from pki.copied import Copied
from pki.errors import Problem, cannot
from pki.objects import public_keys
from pki.objects.distinguished_names import subject


class Verify(Enum):
    """What a client checks."""

    EVERYTHING = "everything"
    """Chain, dates, purpose and name: the only choice outside of a demonstration."""
    ANY_NAME_FOR_THE_DEMO = "any name"
    """The chain, but not the name: then any certificate of the same authority will do, the attacker's too."""
    ANY_TIME_FOR_THE_DEMO = "any time"
    """The chain and the name, but not the dates: a clock that is not set, a flag that made a test pass."""
    NOTHING_FOR_THE_DEMO = "nothing"
    """Takes whoever answers: `verify=False`, `--insecure`, `InsecureSkipVerify`."""


class Ciphers(Enum):
    """What is spoken: the oldest version, the newest, and the cipher suites up to TLS 1.2, in OpenSSL's words."""

    # Forward secrecy in TLS 1.2, too (RFC 9325 §4.1). What Python allows by itself depends on who built it.
    GOOD = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED, "ECDHE+AESGCM:ECDHE+CHACHA20"
    GOOD_1_2 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM:ECDHE+CHACHA20"
    # The keys of all conversations lie under one key: static RSA (RFC 5246 §7.4.7.1).
    STATIC_RSA_FOR_THE_DEMO = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"
    # Authenticated, not encrypted. TLS 1.3 has no such thing, but for RFC 9150.
    NULL_FOR_THE_DEMO = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"
    # Nobody shows a certificate; a client takes this even if it is told to verify.
    ANONYMOUS_FOR_THE_DEMO = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AECDH-AES128-SHA:@SECLEVEL=0"

    # What the lab shows: nothing is too weak to be tried on somebody.
    ANYTHING_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED, "ALL:@SECLEVEL=0"
    # Keys that TLS 1.3 has no signature for (RFC 8446 §4.2.3).
    ANYTHING_OF_1_2_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ALL:@SECLEVEL=0"
    TLS_1_0_FOR_THE_LAB = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"
    TLS_1_1_FOR_THE_LAB = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"
    NULL_RSA_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "eNULL:!aNULL:@SECLEVEL=0"
    NOBODY_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "aNULL:!eNULL:@SECLEVEL=0"
    CBC_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE+AES+SHA1:!AESGCM:@SECLEVEL=0"
    DHE_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "DHE+AESGCM:@SECLEVEL=0"
    RC4_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "RC4:@SECLEVEL=0"
    TRIPLE_DES_FOR_THE_LAB = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "3DES:@SECLEVEL=0"
    EXPORT_FOR_THE_LAB = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, "EXPORT:@SECLEVEL=0"

    def __init__(self, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, suites: str) -> None:
        self.oldest = oldest
        self.newest = newest
        self.suites = suites


def server_context(
    credential: Credential | None,
    *,
    client_trust: Sequence[x509.Certificate] = (),
    crls: Sequence[x509.CertificateRevocationList] = (),
    ciphers: Ciphers = Ciphers.GOOD,
    keylog: Path | None = None,
) -> ssl.SSLContext:
    """A server that proves itself with `credential`; with `client_trust` it demands the same of its clients."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, ciphers, keylog)
    if credential:
        _load_credential(context, credential)
    if client_trust:
        context.verify_mode = ssl.CERT_REQUIRED
        _load_trust(context, client_trust, crls)
    return context


class ClientCheck(Enum):
    """How a server of the lab looks at its clients: whom it asks, and what it forgets."""

    NOBODY = ssl.CERT_NONE, 0
    WELL = ssl.CERT_REQUIRED, 0
    IF_THEY_LIKE_FOR_THE_LAB = ssl.CERT_OPTIONAL, 0
    ANY_TIME_FOR_THE_LAB = ssl.CERT_REQUIRED, 0x200000  # X509_V_FLAG_NO_CHECK_TIME

    def __init__(self, asks: ssl.VerifyMode, flags: int) -> None:
        self.asks = asks
        self.flags = flags


def lab_context(
    shown: tuple[bytes, bytes] | None,
    ciphers: Ciphers = Ciphers.ANYTHING_FOR_THE_LAB,
    *,
    dh_parameters: bytes = b"",
    clients: ClientCheck = ClientCheck.NOBODY,
    client_trust: Sequence[x509.Certificate] = (),
    crls: Sequence[x509.CertificateRevocationList] = (),
) -> ssl.SSLContext:
    """A server that shows whatever it is given, however bad: (chain, key) in PEM. A Problem where OpenSSL refuses to.

    `dh_parameters` in PEM (PKCS #3), for suites that need them.
    """
    context = _bare(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are deprecated: that is the point
        context.minimum_version, context.maximum_version = ciphers.oldest, ciphers.newest
    try:
        context.set_ciphers(ciphers.suites)  # before the certificate: its security level decides what can be loaded
    except ssl.SSLError as error:
        raise Problem("this OpenSSL has no such cipher suite", f"it says: {_said(error)}") from None
    if shown:
        _load_pem(context, *shown)
    if dh_parameters:
        with tempfile.NamedTemporaryFile() as file:
            file.write(dh_parameters)
            file.flush()
            try:
                context.load_dh_params(file.name)
            except ssl.SSLError as error:
                raise Problem("OpenSSL does not load the group", f"it says: {_said(error)}") from None
    if clients is not ClientCheck.NOBODY:
        context.verify_mode = clients.asks
        context.verify_flags |= ssl.VerifyFlags(clients.flags)
        _load_trust(context, client_trust, crls)
    return context


def client_context(
    trust: Sequence[x509.Certificate],
    *,
    crls: Sequence[x509.CertificateRevocationList] = (),
    credential: Credential | None = None,
    verify: Verify = Verify.EVERYTHING,
    ciphers: Ciphers = Ciphers.GOOD,
    keylog: Path | None = None,
) -> ssl.SSLContext:
    """A client that trusts the anchors in `trust` and nobody else.

    With `crls`, every certificate of the chain must be covered by one of them and be absent from it (a missing list
    refuses). `credential` is for servers that ask who the client is.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, ciphers, keylog)
    if verify is Verify.NOTHING_FOR_THE_DEMO:
        context.check_hostname = (
            False  # first this one: CERT_NONE with a checked name is refused, since it makes no sense
        )
        context.verify_mode = ssl.CERT_NONE
    else:
        context.check_hostname = verify is not Verify.ANY_NAME_FOR_THE_DEMO
        _load_trust(context, trust, crls)
    if verify is Verify.ANY_TIME_FOR_THE_DEMO:
        context.verify_flags |= NO_CHECK_TIME
    if credential:
        _load_credential(context, credential)
    return context


NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME; the ssl module has no name for it


IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
"""With this option, OpenSSL 3 reports the end of the TCP connection as a close_notify. Older ones do not have it."""


def _bare(side: int) -> ssl.SSLContext:
    """A context that reports a missing close_notify as an error, under every Python.

    Python 3.11.2 (Debian 12) sets the option by default. Where a demonstration needs a lenient side, the endpoint is
    lenient (`Closing.AS_PYTHON_DOES`), not the context: then all interpreters show the same.
    """
    context = ssl.SSLContext(side)
    context.options &= ~IGNORE_UNEXPECTED_EOF
    return context


def _context(side: int, ciphers: Ciphers, keylog: Path | None) -> ssl.SSLContext:
    context = _bare(side)
    context.minimum_version, context.maximum_version = ciphers.oldest, ciphers.newest
    context.set_ciphers(ciphers.suites)
    context.hostname_checks_common_name = False  # RFC 9525 §2: names are in the subject alternative names
    # What Python 3.13 turned on by default: RFC 5280 to the letter. Set for all, so that all refuse the same.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if keylog:
        _open_keylog(context, keylog)
    return context


def _open_keylog(context: ssl.SSLContext, keylog: Path) -> None:
    """Whoever has this file reads the traffic: it is created for us alone. OpenSSL then appends to it."""
    try:
        # O_NONBLOCK: opening a FIFO that nobody reads must not hang; it fails instead.
        with open(os.open(keylog, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600), "a") as file:
            if not file.tell():
                file.write("# The secrets of TLS connections (SSLKEYLOGFILE format)\n")  # so a full disk is met here
        context.keylog_filename = str(keylog)
    except OSError as error:
        raise cannot(f"write the key log {keylog}", error, hint="--keylog FILE, in a folder of yours") from error


def _load_trust(
    context: ssl.SSLContext, anchors: Sequence[x509.Certificate], crls: Sequence[x509.CertificateRevocationList]
) -> None:
    context.load_verify_locations(cadata=b"".join(anchor.public_bytes(Encoding.DER) for anchor in anchors))
    if crls:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"".join(crl.public_bytes(Encoding.PEM) for crl in crls))
            file.flush()
            context.load_verify_locations(file.name)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _load_credential(context: ssl.SSLContext, credential: Credential) -> None:
    password = secrets.token_hex(32)
    if isinstance(credential, Copied):  # whose key is worth nothing to anybody
        kind = "RSA" if isinstance(credential.key, rsa.RSAPrivateKey) else "EC"
        key_pem = der.armoured(f"{kind} PRIVATE KEY", credential.disguised_key)
    elif restricted := public_keys.restricted_pkcs8(credential.key, credential.certificate, password.encode()):
        key_pem = der.armoured("ENCRYPTED PRIVATE KEY", restricted)
    else:
        key_pem = credential.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
        )
    try:
        _load_pem(context, credential.chain_pem, key_pem, password)
    except Problem as problem:
        fact = f"OpenSSL does not load the certificate of {subject(credential.certificate)}"
        raise Problem(fact, *problem.evidence, hint=problem.hint) from None


def _load_pem(context: ssl.SSLContext, chain_pem: bytes, key_pem: bytes, password: str = "") -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(chain_pem + key_pem)
        file.flush()
        try:
            context.load_cert_chain(file.name, password=password)
        except ssl.SSLError as error:
            hint = "weak keys: `openssl s_server -cipher ALL:@SECLEVEL=0`; what is malformed cannot be served"
            raise Problem("OpenSSL does not load this certificate", f"it says: {_said(error)}", hint=hint) from None


def _said(error: ssl.SSLError) -> str:
    """In OpenSSL's words. An error that the ssl module raises by itself has no reason."""
    return str(getattr(error, "reason", None) or error.args[0]).replace("_", " ").lower().rstrip(".")
