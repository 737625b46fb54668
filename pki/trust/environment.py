"""The environment under which nearly every TLS client trusts one authority; no trust store is touched. EDGE.

    root.pem -> SSL_CERT_FILE, CURL_CA_BUNDLE, ...   most clients read PEM
             -> java.p12 -> JAVA_TOOL_OPTIONS        Java reads PKCS #12, and needs a password
             -> wgetrc   -> WGETRC                   wget has no variable for the certificates themselves

It overrides and never inherits: a machine may have any of these preset, to another authority or to "check nothing".
curl, requests, git, npm, pip, Java and others then trust this file and nothing else; Node, Bun, Deno, wget, and what
loads OpenSSL's default folder as well, go on trusting the public authorities besides. No variable reaches browsers,
aria2 and GnuTLS's own programs, nor on macOS what asks the keychain, as Go does there. Nor is anybody's configuration
file overridden, but for wget's.
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

from pki.errors import Problem, cannot
from pki.objects import blocks
from pki.objects.blocks import BlockKind
from pki.store.files import EXPECTED, read_certificates, read_file
from pki.store.folder import write_below
from pki.store.transaction import PUBLIC

FOLDER = "trust"
"""Where the other forms go, below the folder that a caller names: in one folder of its own for each authority."""

# What is said -------------------------------------------------------------------------------------------------------


class Form(StrEnum):
    """How a variable names the authority."""

    PEM = "{ca}"
    JAVA = (
        "-Djavax.net.ssl.trustStore={java} -Djavax.net.ssl.trustStoreType=PKCS12"
        " -Djavax.net.ssl.trustStorePassword={password}"
    )
    WGETRC = "{wgetrc}"


SET: Mapping[str, tuple[Form, str]] = {
    "SSL_CERT_FILE": (Form.PEM, "OpenSSL: Python, Ruby, Perl, PHP, .NET, s_client; and Go, Rust, uv"),
    "CURL_CA_BUNDLE": (Form.PEM, "curl"),
    "WGETRC": (Form.WGETRC, "wget"),
    "GIT_SSL_CAINFO": (Form.PEM, "git"),
    "REQUESTS_CA_BUNDLE": (Form.PEM, "Python: requests, HTTPie, conda"),
    "PIP_CERT": (Form.PEM, "Python: pip"),
    "HTTPLIB2_CA_CERTS": (Form.PEM, "Python: httplib2"),
    "WEBSOCKET_CLIENT_CA_BUNDLE": (Form.PEM, "Python: websocket-client"),
    "NODE_EXTRA_CA_CERTS": (Form.PEM, "Node, Bun, Yarn"),
    "npm_config_cafile": (Form.PEM, "npm, pnpm"),
    "DENO_CERT": (Form.PEM, "Deno"),
    "JAVA_TOOL_OPTIONS": (Form.JAVA, "Java, from 8u301: each JVM says on stderr that it picked it up"),
    "CARGO_HTTP_CAINFO": (Form.PEM, "Rust: cargo"),
    "PERL_LWP_SSL_CA_FILE": (Form.PEM, "Perl: LWP"),
    "MOJO_CA_FILE": (Form.PEM, "Perl: Mojolicious"),
    "COMPOSER_CAFILE": (Form.PEM, "PHP: Composer"),
    "BUNDLE_SSL_CA_CERT": (Form.PEM, "Ruby: Bundler"),
    "HEX_CACERTS_PATH": (Form.PEM, "Elixir: Hex"),
    "JULIA_SSL_CA_ROOTS_PATH": (Form.PEM, "Julia"),
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": (Form.PEM, "gRPC"),
    "AWS_CA_BUNDLE": (Form.PEM, "AWS: command line, boto3"),
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": (Form.PEM, "Google Cloud: command line"),
    "NIX_SSL_CERT_FILE": (Form.PEM, "Nix, and what it has built"),
}
"""One row for each variable that is set: what it holds, and who reads it."""

_REASONS: Mapping[str, str] = {
    "another way, through somebody else": """
        http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY grpc_proxy PIP_PROXY CARGO_HTTP_PROXY
        npm_config_proxy npm_config_https_proxy NPM_CONFIG_PROXY NPM_CONFIG_HTTPS_PROXY""",
    "other authorities": """
        SSL_CERT_DIR GIT_SSL_CAPATH PERL_LWP_SSL_CA_PATH HTTPS_CA_FILE HTTPS_CA_DIR npm_config_ca NPM_CONFIG_CA
        NPM_CONFIG_CAFILE NODE_USE_SYSTEM_CA DENO_TLS_CA_STORE UV_NATIVE_TLS UV_SYSTEM_CERTS""",
    "may say that nothing is checked": """
        GIT_SSL_NO_VERIFY NODE_TLS_REJECT_UNAUTHORIZED PYTHONHTTPSVERIFY PIP_TRUSTED_HOST UV_INSECURE_HOST
        CONDA_SSL_VERIFY npm_config_strict_ssl NPM_CONFIG_STRICT_SSL YARN_ENABLE_STRICT_SSL
        PERL_LWP_SSL_VERIFY_HOSTNAME PERL_HTTP_TINY_SSL_INSECURE_BY_DEFAULT MOJO_INSECURE BUNDLE_SSL_VERIFY_MODE
        HEX_UNSAFE_HTTPS JULIA_SSL_NO_VERIFY_HOSTS""",
    "goes before JAVA_TOOL_OPTIONS": "JDK_JAVA_OPTIONS _JAVA_OPTIONS",
    "another configuration file": "CURL_HOME SYSTEM_WGETRC",
}
UNSET: Mapping[str, str] = {name: reason for reason, names in _REASONS.items() for name in names.split()}
"""What would be inherited and must not be, with the reason."""


# The environment ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Environment:
    """What the environment of a client must have, and must not have, so that it trusts one authority."""

    set: Mapping[str, str]
    unset: tuple[str, ...]

    def applied(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment for a child: what it would inherit, overridden."""
        return {name: value for name, value in inherited.items() if name not in self.unset} | dict(self.set)


def environment(ca_file: Path, folder: Path, hint: str = EXPECTED) -> Environment:
    """The environment that trusts `ca_file`: PEM, one certificate or several.

    The other forms of it go to `folder`/trust/, each authority into a folder of its own, so that one `folder` serves
    many; they are as public as `ca_file`. A Problem says what could not be read or written.
    """
    ca, where = _nameable(ca_file), _nameable(folder)
    authorities = _authorities(ca_file, hint)
    own = f"{FOLDER}/{_digest(ca, authorities)}"
    try:
        write_below(folder, f"{own}/java.p12", _java_trust_store(authorities), PUBLIC)
        write_below(folder, f"{own}/wgetrc", _wgetrc(ca), PUBLIC)
    except OSError as error:
        raise cannot(f"write {error.filename or folder}", error, hint="use another folder with --dir") from error
    # A JVM splits its options at white space and joins quoted pieces as a shell does (HotSpot's arguments.cpp).
    java, wgetrc = shlex.quote(f"{where}/{own}/java.p12"), f"{where}/{own}/wgetrc"
    values = {"ca": ca, "java": java, "wgetrc": wgetrc, "password": PASSWORD}
    return Environment({name: form.value.format(**values) for name, (form, _) in SET.items()}, tuple(UNSET))


PASSWORD = "changeit"  # Java's own default and no secret; without one it takes the store for an empty one
ITERATIONS = 1000  # the fewest that strict providers take (SP 800-132 §5.2); what they protect is public anyway


def _java_trust_store(authorities: Sequence[x509.Certificate]) -> bytes:
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(ITERATIONS).build(PASSWORD.encode())
    entries = [pkcs12.PKCS12Certificate(each, b"ca-%d" % number) for number, each in enumerate(authorities, 1)]
    return pkcs12.serialize_java_truststore(entries, encryption)


def _wgetrc(ca: str) -> bytes:
    """It is read after /etc/wgetrc, which may have switched off the check or named a proxy."""
    return b"ca_certificate = %s\ncheck_certificate = on\nuse_proxy = off\n" % os.fsencode(ca)


def _digest(ca: str, authorities: Sequence[x509.Certificate]) -> str:
    """A name of its own, so that another authority never takes the place of one that some shell trusts by now."""
    whole = hashlib.sha256(os.fsencode(ca))
    for each in authorities:
        whole.update(each.public_bytes(Encoding.DER))
    return whole.hexdigest()[:16]


def _authorities(ca_file: Path, hint: str) -> tuple[x509.Certificate, ...]:
    data = read_file(ca_file, hint)  # a file, since the variables name it: not standard input
    found = read_certificates(ca_file, hint)
    labels = {block.label for block in blocks.read(data).of(BlockKind.CERTIFICATE)}
    if not labels & CLIENTS_READ:
        options = {"DER": "x509 -inform DER", "PKCS7": "pkcs7 -print_certs"}
        form = ", ".join(sorted(labels)) or "PKCS #12"
        command = f"{options.get(form, 'x509')} -in {shlex.quote(str(ca_file))} -out ca.pem"
        raise Problem(f"{ca_file} is {form}, and clients read PEM", hint=f"`openssl {command}`")
    return found


CLIENTS_READ = {"CERTIFICATE", "X509 CERTIFICATE"}
"""The labels that all clients know."""


def _nameable(path: Path) -> str:
    """Its absolute path. A line break would end the line of wgetrc; what is not UTF-8 cannot be printed as it is."""
    absolute = os.path.abspath(path)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in absolute):
        raise Problem(
            f"not every client can be told of {absolute!r}", hint="use a path without control characters, in UTF-8"
        )
    return absolute


# As text ------------------------------------------------------------------------------------------------------------


class Shell(StrEnum):
    """The shells whose language we speak."""

    SH = "sh"
    FISH = "fish"


TAKEN_IN_BY = {Shell.SH: 'eval "$(pki env)"', Shell.FISH: "pki env --shell fish | source"}


def lines(wanted: Environment, shell: Shell) -> Iterator[str]:
    """What a shell evaluates: each line with who reads the variable, or why it goes."""
    yield f"# For one shell, until it ends: {TAKEN_IN_BY[shell]}"
    yield "# Not for your profile: clients that trust this root alone refuse the public web."
    yield "# Browsers, aria2 and GnuTLS's own programs read none of these."
    export, unset, quoted = SYNTAX[shell]
    for name, value in wanted.set.items():
        yield f"{export.format(name, quoted(value))}  # {SET[name][1]}"
    for name in wanted.unset:
        yield f"{unset.format(name)}  # {UNSET[name]}"


def _sh(value: str) -> str:
    """Always in quotes, also where shlex.quote needs none: one line looks like the other."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _fish(value: str) -> str:
    r"""In single quotes, in which fish knows \\ and \' alone."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


SYNTAX = {Shell.SH: ("export {}={}", "unset {}", _sh), Shell.FISH: ("set -gx {} {}", "set -e {}", _fish)}
