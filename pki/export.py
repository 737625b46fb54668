"""The environment that makes nearly every TLS client trust one authority, without touching a trust store. EDGE.

    root.pem -> SSL_CERT_FILE, CURL_CA_BUNDLE, ...   most clients read PEM
             -> java.p12 -> JAVA_TOOL_OPTIONS        Java reads PKCS #12, with a password
             -> wgetrc   -> WGETRC                   wget has no variable for the file itself

It overrides and never inherits: a machine may have any of these preset, to another authority or to "check nothing".
Most of these clients then trust this file alone; Node, Bun, Deno, wget and what rests on OpenSSL's defaults go on
trusting the public authorities that came with them. No variable reaches browsers, GnuTLS's own programs and aria2;
on macOS also Go and Apple's own frameworks look into the keychain alone.
"""

import hashlib
import os
import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from pki.errors import Problem
from pki.files import read_certificates, read_file
from pki.transaction import PUBLIC, transaction

FOLDER = "trust"
"""Where the files in other forms go, below the folder that a caller names: one folder in it for each authority."""


class Form(StrEnum):
    """What a variable's value says of the authority."""

    PEM = "{ca}"
    JAVA = (
        "-Djavax.net.ssl.trustStore={java} -Djavax.net.ssl.trustStoreType=PKCS12"
        " -Djavax.net.ssl.trustStorePassword={password}"
    )
    WGETRC = "{wgetrc}"


SET: Mapping[str, tuple[Form, str]] = {
    "SSL_CERT_FILE": (Form.PEM, "OpenSSL: Python, Ruby, Perl, PHP, .NET, s_client; also Go, Rust, uv"),
    "CURL_CA_BUNDLE": (Form.PEM, "curl"),
    "REQUESTS_CA_BUNDLE": (Form.PEM, "Python: requests, HTTPie, conda"),
    "NODE_EXTRA_CA_CERTS": (Form.PEM, "Node, Bun, Yarn, pnpm"),
    "DENO_CERT": (Form.PEM, "Deno"),
    "GIT_SSL_CAINFO": (Form.PEM, "git"),
    "CARGO_HTTP_CAINFO": (Form.PEM, "cargo"),
    "PIP_CERT": (Form.PEM, "pip"),
    "npm_config_cafile": (Form.PEM, "npm, pnpm"),
    "PERL_LWP_SSL_CA_FILE": (Form.PEM, "Perl: LWP"),
    "WGETRC": (Form.WGETRC, "wget"),
    "JAVA_TOOL_OPTIONS": (Form.JAVA, "Java 8u301 and later: every JVM"),
    "AWS_CA_BUNDLE": (Form.PEM, "AWS command line, boto3"),
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": (Form.PEM, "gRPC"),
    "NIX_SSL_CERT_FILE": (Form.PEM, "Nix, and what it has built"),
}
"""One row for each variable: what it holds, and who reads it."""

UNSET: Mapping[str, str] = {
    **dict.fromkeys(
        ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
        "another way, to somebody in the middle",
    ),
    "SSL_CERT_DIR": "a folder of other authorities",
    "GIT_SSL_CAPATH": "git: a folder of other authorities",
    "GIT_SSL_NO_VERIFY": "git: checks nothing",
    "NODE_TLS_REJECT_UNAUTHORIZED": "Node: checks nothing, if 0",
    "PYTHONHTTPSVERIFY": "Python 2: checks nothing, if 0",
    "PIP_TRUSTED_HOST": "pip: checks nothing there",
    "npm_config_strict_ssl": "npm: checks nothing, if false",
    "PERL_LWP_SSL_VERIFY_HOSTNAME": "Perl: checks nothing, if 0",
    "PERL_LWP_SSL_CA_PATH": "Perl: a folder of other authorities",
    "JDK_JAVA_OPTIONS": "Java: goes before JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS": "Java: goes before JAVA_TOOL_OPTIONS",
    "CURL_HOME": "curl: another .curlrc",
    "SYSTEM_WGETRC": "wget: another wgetrc",
}
"""What would be inherited and must not be, with the reason."""


@dataclass(frozen=True)
class Environment:
    """What a child's environment must have, and must not have, so that it trusts one authority."""

    set: Mapping[str, str]
    unset: tuple[str, ...]

    def applied(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment for a child: what it would inherit, overridden."""
        return {name: value for name, value in inherited.items() if name not in self.unset} | dict(self.set)


def environment(ca_file: Path, folder: Path) -> Environment:
    """The environment that trusts `ca_file` (PEM, one certificate or several).

    What some clients need in another form is written into `folder`/trust/, in a folder of the authority's own, so that
    one `folder` serves many. Files there are public; they hold nothing else than `ca_file` does. A Problem says what
    could not be read or written.
    """
    ca = os.path.abspath(ca_file)
    authorities = read_certificates(ca_file)
    _refuse_der(ca_file)
    own = f"{FOLDER}/{_digest(ca, authorities)}"
    java, wgetrc = (os.path.abspath(folder / own / name) for name in ("java.p12", "wgetrc"))
    for path in (ca, java):
        _refuse_unprintable(path)
    with transaction(folder) as change:
        change.write(f"{own}/java.p12", _java_trust_store(authorities), PUBLIC)
        change.write(f"{own}/wgetrc", _wgetrc(ca), PUBLIC)
        change.commit()
    # The JVM splits its options at white space and knows the quotes of the shell (hotspot's arguments.cpp).
    values = {"ca": ca, "java": shlex.quote(java), "wgetrc": wgetrc, "password": PASSWORD}
    return Environment({name: form.value.format(**values) for name, (form, _) in SET.items()}, tuple(UNSET))


PASSWORD = "changeit"  # Java's own default, and no secret; but without one it finds the store empty
ITERATIONS = 1000  # the fewest that strict providers take (SP 800-132 §5.2): it protects what is public anyway


def _java_trust_store(authorities: Sequence[x509.Certificate]) -> bytes:
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(ITERATIONS).build(PASSWORD.encode())
    entries = [pkcs12.PKCS12Certificate(each, b"ca-%d" % number) for number, each in enumerate(authorities, 1)]
    return pkcs12.serialize_java_truststore(entries, encryption)


def _wgetrc(ca: str) -> bytes:
    """It goes before /etc/wgetrc, which may have switched off the check or named a proxy."""
    return b"ca_certificate = %s\ncheck_certificate = on\nuse_proxy = off\n" % os.fsencode(ca)


def _digest(ca: str, authorities: Sequence[x509.Certificate]) -> str:
    """A name of their own, so that another authority never takes the place of one that some shell trusts by now."""
    whole = hashlib.sha256(os.fsencode(ca))
    for each in authorities:
        whole.update(each.public_bytes(Encoding.DER))
    return whole.hexdigest()[:16]


def _refuse_der(ca_file: Path) -> None:
    if b"-----BEGIN" not in read_file(ca_file):
        raise Problem(
            f"{ca_file} is DER, and clients read PEM",
            hint=f"`openssl x509 -inform DER -in {shlex.quote(str(ca_file))} -out ca.pem`",
        )


def _refuse_unprintable(path: str) -> None:
    """A line break would end the line of wgetrc; what is not UTF-8 cannot be printed as it is."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
        raise Problem(
            f"{path!r} cannot stand in a variable for every client", hint="use a path without such characters"
        )


# As text --------------------------------------------------------------------------------------------------------------


class Shell(StrEnum):
    """The shells whose language we print."""

    SH = "sh"
    FISH = "fish"


def lines(wanted: Environment, shell: Shell) -> Iterator[str]:
    """What a shell evaluates, each line with who reads the variable, or why it goes."""
    for name, value in wanted.set.items():
        statement = f"export {name}={_quoted(value)}" if shell is Shell.SH else f"set -gx {name} {_fish(value)}"
        yield f"{statement}  # {SET[name][1]}"
    for name in wanted.unset:
        yield f"{'unset' if shell is Shell.SH else 'set -e'} {name}  # {UNSET[name]}"


def _quoted(value: str) -> str:
    """Always in quotes, which shlex leaves out where it can."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _fish(value: str) -> str:
    r"""In single quotes, where fish knows \\ and \' alone."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
