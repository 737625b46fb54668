"""Environment variables that make TLS clients trust one CA, without changing a trust store. EDGE.

    root.pem -> SSL_CERT_FILE, CURL_CA_BUNDLE, ...   most clients read PEM
             -> java.p12 -> JAVA_TOOL_OPTIONS        Java reads PKCS #12 with a password
             -> wgetrc   -> WGETRC                   wget has no variable for the certificates themselves
             -> .curlrc  -> CURL_HOME                curl has no variable that replaces its default folder
    empty folder         -> SSL_CERT_DIR, ...        in place of the default folder, for example /etc/ssl/certs

Inherited values are overridden: a machine may have any of these variables set, to another CA or to "check nothing".
curl, wget, git, Python, Go, Java, Ruby, PHP, Perl, npm and pip then trust only this file. Node, Bun and Deno add it to
the public CAs that they contain. No variable affects browsers, aria2, the programs of GnuTLS, or on macOS programs that
use the keychain, such as Go. Of configuration files, only those of wget and curl are overridden.
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
from pki.objects.distinguished_names import subject
from pki.store.files import EXPECTED, read_certificates, read_file
from pki.store.folder import make_below, write_below
from pki.store.transaction import PUBLIC

FOLDER = "trust"
"""The folder for the files of Java, wget and curl, below the folder that a caller names. Each CA has a folder in it."""

# The variables ------------------------------------------------------------------------------------------------------


class Form(StrEnum):
    """How the value of a variable names the CA."""

    PEM = "{ca}"
    JAVA = (
        "-Djavax.net.ssl.trustStore={java} -Djavax.net.ssl.trustStoreType=PKCS12"
        " -Djavax.net.ssl.trustStorePassword={password}"
    )
    WGETRC = "{wgetrc}"
    CURL_HOME = "{curl_home}"
    EMPTY = "{empty}"
    EMPTY_LIST = "{empty_list}"


SET: Mapping[str, tuple[Form, str]] = {
    "SSL_CERT_FILE": (Form.PEM, "OpenSSL: Python, Ruby, Perl, PHP, .NET, s_client; and Go, Rust, uv"),
    "SSL_CERT_DIR": (Form.EMPTY_LIST, "the same programs; an empty folder in place of the default one"),
    "CURL_CA_BUNDLE": (Form.PEM, "curl"),
    "CURL_HOME": (Form.CURL_HOME, "curl: this .curlrc in place of yours"),
    "WGETRC": (Form.WGETRC, "wget"),
    "GIT_SSL_CAINFO": (Form.PEM, "git"),
    "GIT_SSL_CAPATH": (Form.EMPTY, "git; an empty folder in place of the default one"),
    "REQUESTS_CA_BUNDLE": (Form.PEM, "Python: requests, HTTPie, conda"),
    "PIP_CERT": (Form.PEM, "Python: pip"),
    "HTTPLIB2_CA_CERTS": (Form.PEM, "Python: httplib2"),
    "WEBSOCKET_CLIENT_CA_BUNDLE": (Form.PEM, "Python: websocket-client"),
    "NODE_EXTRA_CA_CERTS": (Form.PEM, "Node, Bun, Yarn; they trust public CAs, too"),
    "npm_config_cafile": (Form.PEM, "npm, pnpm"),
    "DENO_CERT": (Form.PEM, "Deno; it trusts public CAs, too"),
    "JAVA_TOOL_OPTIONS": (Form.JAVA, "Java, from 8u301; each JVM prints a line about it on stderr"),
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
    "NIX_SSL_CERT_FILE": (Form.PEM, "Nix, and programs built by it"),
}
"""The variables that are set: the form of the value, and the programs that read it."""

_REASONS: Mapping[str, str] = {
    "proxy": """
        http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY grpc_proxy PIP_PROXY CARGO_HTTP_PROXY
        npm_config_proxy npm_config_https_proxy NPM_CONFIG_PROXY NPM_CONFIG_HTTPS_PROXY""",
    "other CAs": """
        PERL_LWP_SSL_CA_PATH HTTPS_CA_FILE HTTPS_CA_DIR npm_config_ca NPM_CONFIG_CA
        NPM_CONFIG_CAFILE NODE_USE_SYSTEM_CA DENO_TLS_CA_STORE UV_NATIVE_TLS UV_SYSTEM_CERTS""",
    "may disable verification": """
        GIT_SSL_NO_VERIFY NODE_TLS_REJECT_UNAUTHORIZED PYTHONHTTPSVERIFY PIP_TRUSTED_HOST UV_INSECURE_HOST
        CONDA_SSL_VERIFY npm_config_strict_ssl NPM_CONFIG_STRICT_SSL YARN_ENABLE_STRICT_SSL
        PERL_LWP_SSL_VERIFY_HOSTNAME PERL_HTTP_TINY_SSL_INSECURE_BY_DEFAULT MOJO_INSECURE BUNDLE_SSL_VERIFY_MODE
        HEX_UNSAFE_HTTPS JULIA_SSL_NO_VERIFY_HOSTS""",
    "takes precedence over JAVA_TOOL_OPTIONS": "JDK_JAVA_OPTIONS _JAVA_OPTIONS",
    "another configuration file": "SYSTEM_WGETRC",
}
UNSET: Mapping[str, str] = {name: reason for reason, names in _REASONS.items() for name in names.split()}
"""The variables that must not be inherited, with the reason."""


# The environment ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Environment:
    """The variables to set and to remove so that a client trusts one CA."""

    set: Mapping[str, str]
    unset: tuple[str, ...]
    root: str
    """The common name of the first CA, as safe text on one line."""

    def applied(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of a child process: `inherited` with these changes."""
        return {name: value for name, value in inherited.items() if name not in self.unset} | dict(self.set)


def environment(ca_file: Path, folder: Path, hint: str = EXPECTED) -> Environment:
    """The environment that trusts `ca_file`: PEM, one certificate or several.

    The files of Java, wget and curl are written below `folder`/trust/, into a folder for each CA, so that one `folder`
    serves many. They are public, like `ca_file`. Raises Problem if a file cannot be read or written.
    """
    ca, where = _nameable(ca_file), _nameable(folder)
    authorities = _authorities(ca_file, hint)
    own = f"{FOLDER}/{_digest(ca, authorities)}"
    empty = f"{where}/{own}/{EMPTY}"
    try:
        write_below(folder, f"{own}/java.p12", _java_trust_store(authorities), PUBLIC)
        write_below(folder, f"{own}/wgetrc", _wgetrc(ca, empty), PUBLIC)
        write_below(folder, f"{own}/.curlrc", _curlrc(ca, empty), PUBLIC)
        make_below(folder, f"{own}/{EMPTY}")
    except OSError as error:
        raise cannot(f"write {error.filename or folder}", error, hint="use another folder with --dir") from error
    # A JVM splits its options at white space and joins quoted pieces as a shell does (HotSpot's arguments.cpp).
    java, wgetrc = shlex.quote(f"{where}/{own}/java.p12"), f"{where}/{own}/wgetrc"
    # SSL_CERT_DIR is a list of folders: a colon in the path would name others. /dev/null is a path without files, too.
    empty_list = os.devnull if os.pathsep in empty else empty
    values = {"ca": ca, "java": java, "wgetrc": wgetrc, "password": PASSWORD, "curl_home": f"{where}/{own}"}
    values |= {"empty": empty, "empty_list": empty_list}
    root = subject(authorities[0]).removeprefix("CN=")
    return Environment({name: form.value.format(**values) for name, (form, _) in SET.items()}, tuple(UNSET), root)


PASSWORD = "changeit"  # Java's default, not a secret; without a password Java treats the store as empty
ITERATIONS = 1000  # the fewest that strict providers accept (SP 800-132 §5.2); the content is public


def _java_trust_store(authorities: Sequence[x509.Certificate]) -> bytes:
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(ITERATIONS).build(PASSWORD.encode())
    entries = [pkcs12.PKCS12Certificate(each, b"ca-%d" % number) for number, each in enumerate(authorities, 1)]
    return pkcs12.serialize_java_truststore(entries, encryption)


EMPTY = "none"
"""The empty folder, beside the files of one CA."""


def _wgetrc(ca: str, empty: str) -> bytes:
    """Content of a wgetrc. It is read after /etc/wgetrc, which may disable verification or set a proxy."""
    trust = f"ca_certificate = {ca}\nca_directory = {empty}\n"
    return os.fsencode(trust + "check_certificate = on\nuse_proxy = off\n")


def _curlrc(ca: str, empty: str) -> bytes:
    """Content of a .curlrc. CURL_CA_BUNDLE replaces the default file of curl, but not its default folder."""

    def quoted(path: str) -> str:
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return os.fsencode(f"cacert = {quoted(ca)}\ncapath = {quoted(empty)}\n")


def _digest(ca: str, authorities: Sequence[x509.Certificate]) -> str:
    """A folder name for this path and these CAs, so that another CA never replaces one that a shell trusts."""
    whole = hashlib.sha256(os.fsencode(ca))
    for each in authorities:
        whole.update(each.public_bytes(Encoding.DER))
    return whole.hexdigest()[:16]


def _authorities(ca_file: Path, hint: str) -> tuple[x509.Certificate, ...]:
    data = read_file(ca_file, hint)  # not standard input: the variables name the file
    found = read_certificates(ca_file, hint)
    labels = {block.label for block in blocks.read(data).of(BlockKind.CERTIFICATE)}
    if not labels & CLIENTS_READ:
        options = {"DER": "x509 -inform DER", "PKCS7": "pkcs7 -print_certs"}
        form = ", ".join(sorted(labels)) or "PKCS #12"
        command = f"{options.get(form, 'x509')} -in {shlex.quote(str(ca_file))} -out ca.pem"
        raise Problem(f"{ca_file} is {form}, but clients read PEM", hint=f"convert it with `openssl {command}`")
    return found


CLIENTS_READ = {"CERTIFICATE", "X509 CERTIFICATE"}
"""The PEM labels that all clients accept."""


def _nameable(path: Path) -> str:
    """The absolute path. Raises Problem for control characters, which break wgetrc, and for invalid UTF-8."""
    absolute = os.path.abspath(path)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in absolute):
        raise Problem(
            f"some clients cannot read the path {absolute!r}", hint="use a path in UTF-8 without control characters"
        )
    return absolute


# As text ------------------------------------------------------------------------------------------------------------


class Shell(StrEnum):
    """The supported shell languages."""

    SH = "sh"
    FISH = "fish"


TAKEN_IN_BY = {Shell.SH: 'eval "$(pki env)"', Shell.FISH: "pki env --shell fish | source"}


def lines(wanted: Environment, shell: Shell) -> Iterator[str]:
    """Lines for a shell to evaluate, each with the programs that read the variable, or the reason to remove it."""
    yield f"# For one shell, until it ends: {TAKEN_IN_BY[shell]}"
    yield "# Do not put this into your profile: clients that trust only this CA reject public web sites."
    yield "# Node, Bun and Deno trust public CAs, too."
    yield "# Browsers, aria2 and the programs of GnuTLS ignore these variables; see the end."
    export, unset, quoted = SYNTAX[shell]
    for name, value in wanted.set.items():
        yield f"{export.format(name, quoted(value))}  # {SET[name][1]}"
    for name in wanted.unset:
        yield f"{unset.format(name)}  # {UNSET[name]}"


def _sh(value: str) -> str:
    """The value in single quotes, always, so that all lines look alike."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _fish(value: str) -> str:
    r"""The value in single quotes, where fish interprets only \\ and \'."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


SYNTAX = {Shell.SH: ("export {}={}", "unset {}", _sh), Shell.FISH: ("set -gx {} {}", "set -e {}", _fish)}
