"""Builds the SSLContext of a lab server: weak versions, suites and keys, which `tlsdemo.tls.context` does not have.

OpenSSL serves them at security level 0. Copy nothing from here into a program.
"""

import ssl
import tempfile
import warnings
from collections.abc import Sequence
from enum import Enum

from cryptography import x509

from pki.errors import Problem
from tlsdemo.tls.context import NO_CHECK_TIME, Offer, bare_context, load_pem, load_trust, said


class LabCiphers(Offer):
    """What a lab server accepts: the first two all that OpenSSL has, each of the others what one case needs."""

    ANYTHING = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED, "ALL:@SECLEVEL=0"
    # For keys that TLS 1.3 has no signature scheme for (RFC 8446 §4.2.3).
    ANYTHING_OF_1_2 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ALL:@SECLEVEL=0"
    TLS_1_0 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"
    TLS_1_1 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"
    NULL_RSA = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "eNULL:!aNULL:@SECLEVEL=0"
    ANONYMOUS = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "aNULL:!eNULL:@SECLEVEL=0"
    CBC = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "ECDHE+AES+SHA1:!AESGCM:@SECLEVEL=0"
    DHE = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "DHE+AESGCM:@SECLEVEL=0"
    RC4 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "RC4:@SECLEVEL=0"
    TRIPLE_DES = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "3DES:@SECLEVEL=0"
    EXPORT = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, "EXPORT:@SECLEVEL=0"


class ClientCheck(Enum):
    """How a lab server checks its clients: whether it asks for a certificate, and what it leaves unchecked."""

    NOBODY = ssl.CERT_NONE, ssl.VerifyFlags(0)
    WELL = ssl.CERT_REQUIRED, ssl.VerifyFlags(0)
    IF_THEY_LIKE = ssl.CERT_OPTIONAL, ssl.VerifyFlags(0)
    ANY_TIME = ssl.CERT_REQUIRED, NO_CHECK_TIME

    def __init__(self, asks: ssl.VerifyMode, flags: ssl.VerifyFlags) -> None:
        self.asks = asks
        self.flags = flags


def lab_context(
    shown: tuple[bytes, bytes] | None,
    ciphers: Offer = LabCiphers.ANYTHING,
    *,
    dh_parameters: bytes = b"",
    clients: ClientCheck = ClientCheck.NOBODY,
    client_trust: Sequence[x509.Certificate] = (),
    crls: Sequence[x509.CertificateRevocationList] = (),
) -> ssl.SSLContext:
    """The context of a server that presents any credential, however bad: (chain, key) in PEM.

    `dh_parameters` is a group in PEM (PKCS #3), for the suites that need one. Raises Problem for what OpenSSL refuses.
    """
    context = bare_context(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.0 and 1.1, which are served on purpose
        context.minimum_version, context.maximum_version = ciphers.oldest, ciphers.newest
    try:
        context.set_ciphers(ciphers.suites)  # before the certificate: its security level decides what can be loaded
    except ssl.SSLError as error:
        raise Problem("this OpenSSL has no such cipher suite", f"it says: {said(error)}") from None
    if shown:
        load_pem(context, *shown)
    if dh_parameters:
        with tempfile.NamedTemporaryFile() as file:
            file.write(dh_parameters)
            file.flush()
            try:
                context.load_dh_params(file.name)
            except ssl.SSLError as error:
                raise Problem("OpenSSL does not load the group", f"it says: {said(error)}") from None
    if clients is not ClientCheck.NOBODY:
        context.verify_mode = clients.asks
        context.verify_flags |= clients.flags
        load_trust(context, client_trust, crls)
    return context
