"""Builds every `ssl.SSLContext` but those of the lab: what a client or server checks is decided here.

With files on disk the same is three lines of the standard library:

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)       # checks the chain and the host name, from the start
    context.load_verify_locations("certs/root.pem")         # the trust anchor, which the client knows beforehand
    context.minimum_version = ssl.TLSVersion.TLSv1_2        # RFC 9325 §3.1.1

Credentials come in as values. `ssl` loads chains and CRLs only from paths, so they pass through a temporary file, 0600,
with the key encrypted under a password that exists only for these few lines.
"""

import os
import secrets
import ssl
import tempfile
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
    """Chain, validity, purpose and name: the only choice outside of a demonstration."""
    ANY_NAME_FOR_THE_DEMO = "any name"
    """The chain, but not the name: any certificate of the same CA is accepted, the attacker's too."""
    ANY_TIME_FOR_THE_DEMO = "any time"
    """The chain and the name, but not the validity: for a machine without a clock, or a flag left over from a test."""
    NOTHING_FOR_THE_DEMO = "nothing"
    """Any certificate is accepted: `verify=False`, `--insecure`, `InsecureSkipVerify`."""


class Offer(Enum):
    """What a side offers and accepts: the oldest version, the newest, the cipher suites up to TLS 1.2.

    The suites are in OpenSSL's words (`openssl ciphers`). The members are in `Ciphers`, and for the lab in
    `tlsdemo.lab.context`.
    """

    def __init__(self, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, suites: str) -> None:
        self.oldest = oldest
        self.newest = newest
        self.suites = suites


class Ciphers(Offer):
    """Good cipher suites, and those that leave out one protection."""

    # Forward secrecy in TLS 1.2, too (RFC 9325 §4.1). What Python allows by itself depends on who built it.
    GOOD = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED, "ECDHE+AESGCM:ECDHE+CHACHA20"
    GOOD_1_2 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM:ECDHE+CHACHA20"
    # The secrets of all conversations are encrypted to one key: static RSA (RFC 5246 §7.4.7.1).
    STATIC_RSA_FOR_THE_DEMO = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"
    # Authenticated, not encrypted. TLS 1.3 has such suites only in RFC 9150.
    NULL_FOR_THE_DEMO = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"
    # No certificate. A client accepts these suites even if it is told to verify.
    ANONYMOUS_FOR_THE_DEMO = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "AECDH-AES128-SHA:@SECLEVEL=0"


def server_context(
    credential: Credential | None,
    *,
    client_trust: Sequence[x509.Certificate] = (),
    crls: Sequence[x509.CertificateRevocationList] = (),
    ciphers: Offer = Ciphers.GOOD,
    keylog: Path | None = None,
) -> ssl.SSLContext:
    """The context of a server that proves its identity with `credential`.

    With `client_trust` it demands a certificate of each client that has a path to one of these anchors. Raises Problem
    for a credential that OpenSSL does not load.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, ciphers, keylog)
    if credential:
        _load_credential(context, credential)
    if client_trust:
        context.verify_mode = ssl.CERT_REQUIRED
        load_trust(context, client_trust, crls)
    return context


def client_context(
    trust: Sequence[x509.Certificate],
    *,
    crls: Sequence[x509.CertificateRevocationList] = (),
    credential: Credential | None = None,
    verify: Verify = Verify.EVERYTHING,
    ciphers: Offer = Ciphers.GOOD,
    keylog: Path | None = None,
) -> ssl.SSLContext:
    """The context of a client that trusts the anchors in `trust` alone.

    With `crls`, every certificate of the chain must be covered by a CRL and be absent from it: where one is missing,
    the chain is rejected. `credential` is for servers that ask for a certificate of the client. Raises Problem for a
    credential that OpenSSL does not load.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, ciphers, keylog)
    if verify is Verify.NOTHING_FOR_THE_DEMO:
        context.check_hostname = False  # before verify_mode: `ssl` refuses CERT_NONE while the name is checked
        context.verify_mode = ssl.CERT_NONE
    else:
        context.check_hostname = verify is not Verify.ANY_NAME_FOR_THE_DEMO
        load_trust(context, trust, crls)
    if verify is Verify.ANY_TIME_FOR_THE_DEMO:
        context.verify_flags |= NO_CHECK_TIME
    if credential:
        _load_credential(context, credential)
    return context


NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME; the ssl module has no name for it


IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
"""With this option, OpenSSL 3 reports the end of the TCP connection as a close_notify. Older ones do not have it."""


def bare_context(side: int) -> ssl.SSLContext:
    """A context of `ssl` as it is, but one that reports a missing close_notify as an error, under every Python.

    Python 3.11.2 (Debian 12) sets the option by default. Where a demonstration needs a lenient side, the endpoint is
    lenient (`Closing.AS_PYTHON_DOES`), not the context, so that all interpreters show the same.
    """
    context = ssl.SSLContext(side)
    context.options &= ~IGNORE_UNEXPECTED_EOF
    return context


def _context(side: int, ciphers: Offer, keylog: Path | None) -> ssl.SSLContext:
    context = bare_context(side)
    context.minimum_version, context.maximum_version = ciphers.oldest, ciphers.newest
    context.set_ciphers(ciphers.suites)
    context.hostname_checks_common_name = False  # RFC 9525 §2: names are in the subject alternative names
    # Python 3.13 turned this on by default: RFC 5280 to the letter. Set here, so that all versions reject the same.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if keylog:
        _open_keylog(context, keylog)
    return context


def _open_keylog(context: ssl.SSLContext, keylog: Path) -> None:
    """Create the file for this user alone, since its keys decrypt the traffic. OpenSSL then appends to it."""
    try:
        # O_NONBLOCK: to open a FIFO without a reader fails, instead of waiting for one.
        with open(os.open(keylog, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600), "a") as file:
            if not file.tell():
                file.write("# The secrets of TLS connections (SSLKEYLOGFILE format)\n")  # a full disk fails here
        context.keylog_filename = str(keylog)
    except OSError as error:
        raise cannot(f"write the key log {keylog}", error, hint="--keylog FILE, in a folder of yours") from error


def load_trust(
    context: ssl.SSLContext, anchors: Sequence[x509.Certificate], crls: Sequence[x509.CertificateRevocationList]
) -> None:
    """Trust these anchors; with CRLs, check each certificate of a chain against them."""
    context.load_verify_locations(cadata=b"".join(anchor.public_bytes(Encoding.DER) for anchor in anchors))
    if crls:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"".join(crl.public_bytes(Encoding.PEM) for crl in crls))
            file.flush()
            context.load_verify_locations(file.name)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _load_credential(context: ssl.SSLContext, credential: Credential) -> None:
    password = secrets.token_hex(32)
    if isinstance(credential, Copied):  # an attacker's copy of a certificate: its key is not the certificate's
        kind = "RSA" if isinstance(credential.key, rsa.RSAPrivateKey) else "EC"
        key_pem = der.armoured(f"{kind} PRIVATE KEY", credential.disguised_key)
    elif restricted := public_keys.restricted_pkcs8(credential.key, credential.certificate, password.encode()):
        key_pem = der.armoured("ENCRYPTED PRIVATE KEY", restricted)
    else:
        key_pem = credential.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
        )
    try:
        load_pem(context, credential.chain_pem, key_pem, password)
    except Problem as problem:
        fact = f"OpenSSL does not load the certificate of {subject(credential.certificate)}"
        raise Problem(fact, *problem.evidence, hint=problem.hint) from None


def load_pem(context: ssl.SSLContext, chain_pem: bytes, key_pem: bytes, password: str = "") -> None:
    """Load a chain, leaf first, and its key. Raises Problem with OpenSSL's reason if OpenSSL does not load them."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(chain_pem + key_pem)
        file.flush()
        try:
            context.load_cert_chain(file.name, password=password)
        except ssl.SSLError as error:
            hint = "weak keys: `openssl s_server -cipher ALL:@SECLEVEL=0`; a malformed certificate cannot be served"
            raise Problem("OpenSSL does not load this certificate", f"OpenSSL: {said(error)}", hint=hint) from None


def said(error: ssl.SSLError) -> str:
    """OpenSSL's reason in lower case, or the text of an error that the ssl module raises by itself."""
    return str(getattr(error, "reason", None) or error.args[0]).replace("_", " ").lower().rstrip(".")
