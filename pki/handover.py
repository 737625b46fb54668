"""Hand a chain and its key to another program: load them into an `ssl.SSLContext`, or write them to files. EDGE.

`ssl` loads a private key only from a file. So the key passes through a temporary file with mode 0600, which is removed
before the function returns or raises.
"""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pki import keys
from pki.keys import PrivateKey

if TYPE_CHECKING:
    import ssl


class CredentialFiles(NamedTuple):
    """The files of a credential, in the order that `SSLContext.load_cert_chain` takes them."""

    chain: Path
    """The chain in PEM, leaf first."""
    key: Path
    """The private key in PEM, not encrypted; mode 0600."""


def load_chain(context: "ssl.SSLContext", chain_pem: bytes, key: PrivateKey | bytes) -> None:
    """Load a chain, leaf first, and its key into a context. Raises ValueError with OpenSSL's reason, and TypeError.

    A key object is encrypted in the temporary file, with a password that exists only during this call. A key in PEM is
    written as it is.
    """
    import ssl

    _check_context(context)
    password = secrets.token_hex(32)
    key_pem = key if isinstance(key, bytes) else keys.to_pem(key, password.encode())
    with tempfile.NamedTemporaryFile(prefix="pki-", suffix=".pem") as file:
        file.write(chain_pem + key_pem)
        file.flush()
        try:
            context.load_cert_chain(file.name, password=password)
        except ssl.SSLError as error:
            raise ValueError(f"OpenSSL does not load the certificate and its key: {_reason(error)}") from error


def load_anchors(context: "ssl.SSLContext", anchors_der: bytes) -> None:
    """Add trust anchors, given in DER one after the other. Raises ValueError with OpenSSL's reason, and TypeError."""
    import ssl

    _check_context(context)
    try:
        context.load_verify_locations(cadata=anchors_der)
    except ssl.SSLError as error:
        raise ValueError(f"OpenSSL does not load the trust anchors: {_reason(error)}") from error


def load_crls(context: "ssl.SSLContext", crls_pem: bytes) -> None:
    """Add CRLs, and check every certificate of a chain against them. Raises ValueError, TypeError."""
    import ssl

    _check_context(context)
    with tempfile.NamedTemporaryFile(prefix="pki-", suffix=".pem") as file:
        file.write(crls_pem)
        file.flush()
        try:
            context.load_verify_locations(file.name)
        except ssl.SSLError as error:
            raise ValueError(f"OpenSSL does not load the CRLs: {_reason(error)}") from error
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _check_context(context: object) -> None:
    import ssl

    if not isinstance(context, ssl.SSLContext):
        raise TypeError(f"expected an ssl.SSLContext, not {type(context).__name__}")


def _reason(error: "ssl.SSLError") -> str:
    return str(getattr(error, "reason", None) or error.args[0]).replace("_", " ").lower().rstrip(".")


def write_new(folder: str | os.PathLike[str], files: dict[str, tuple[bytes, int]]) -> list[Path]:
    """Write new files, given by name with bytes and mode, and return their paths. The folder is created if needed.

    Raises FileExistsError if one of them exists, and OSError if one cannot be written; then none of them is left.
    """
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for name, (data, mode) in files.items():
            path = directory / name
            # O_EXCL: neither an existing file nor a symbolic link is written to.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(path)
            with open(descriptor, "wb") as file:
                file.write(data)
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise
    return written
