"""The environment that makes clients trust one CA. Falsehood caught: a client that it does not affect.

The clients are real programs. Each is started with variables that set another CA, no verification, or a proxy; then
`eval "$(pki env)"` must make it accept our server and reject the server of the other CA. The verdict is the request
that the server received over TLS, not the client's exit code: `git ls-remote` fails on any answer.
"""

import json
import os
import ssl
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from subprocess import CompletedProcess
from threading import Thread

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pki import names
from pki.cases import CATALOGUE
from pki.cases.minting import case_builder
from pki.errors import ExitCode, Problem
from pki.keys import KeyType
from pki.store import ca as store
from pki.trust import environment as export
from tests.conftest import ROOT, Answer, mint, missing, pki, run, tool
from tests.pki.conftest import Command
from tests.pki.support import first, pem

# A site of either authority -----------------------------------------------------------------------------------------


class Site(ThreadingHTTPServer):
    """HTTPS with the server certificate of a store; it remembers who came, and what was asked over TLS."""

    block_on_close = True  # when `site` ends, every conversation has ended, so the verdict is complete

    def __init__(self, certs: Path) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certs / "server.pem", certs / "server.key")
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.reached = 0
        self.asked: list[str] = []

    def finish_request(self, request: object, client_address: object) -> None:
        """One conversation; a client that refuses our certificate ends it, and is no error."""
        self.reached += 1
        request.settimeout(20)  # type: ignore[attr-defined]  # a TCP server's request is a socket
        try:
            with self.context.wrap_socket(request, server_side=True) as tls:  # type: ignore[arg-type]  # it is one
                super().finish_request(tls, client_address)
                tls.unwrap()
        except OSError:
            pass


class Page(BaseHTTPRequestHandler):
    """Answers everything with a few bytes that are also JSON."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing to the terminal."""


@contextmanager
def site(certs: Path) -> Iterator[Site]:
    """It is served while this lasts."""
    served = Site(certs)
    thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.shutdown()
        served.server_close()
        thread.join()


# Two authorities, and presets that lead to the other one ------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Our store, the other one, and an empty home folder."""

    ours: Path
    other: Path
    home: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Our store has a path that needs correct quoting in every language that it passes through.

    The other CA has another name: OpenSSL looks into SSL_CERT_DIR only for a name that it has not found so far.
    """
    ours = tmp_path_factory.mktemp("it's") / 'a "new" $HOME {folder}'
    return Place(mint(ours), another(tmp_path_factory.mktemp("other") / "certs"), tmp_path_factory.mktemp("home"))


def another(directory: Path) -> Path:
    """Like ours, but for its name."""
    store.init(
        directory,
        name="somebody else's CA",
        alternative_names=[names.parse(name) for name in store.DEFAULT_SAN],
        key_type=KeyType.EC_P256,
        days=90,
        now=datetime.now(UTC),
        existing=store.Existing.REFUSE,
    )
    return directory


def blank(home: Path) -> dict[str, str]:
    """This environment without anything that decides on trust, and a home without configuration files."""
    inherited = {name: value for name, value in os.environ.items() if name not in {*export.SET, *export.UNSET}}
    return inherited | {"HOME": str(home), "NO_PROXY": "", "no_proxy": "", "PYTHON": sys.executable}


def preset(place: Place, folder: Path) -> dict[str, str]:
    """Every variable that names a CA names the other one."""
    other = place.other / "root.pem"
    java = export.environment(other, folder).set["JAVA_TOOL_OPTIONS"]
    (folder / "wgetrc").write_text(f"ca_certificate={other}\n")
    hashed = folder / "hashed"
    hashed.mkdir()
    (hashed / "other.pem").write_bytes(other.read_bytes())
    assert run(tool("openssl"), "rehash", hashed).returncode == 0
    return {
        **dict.fromkeys(export.SET, str(other)),
        "WGETRC": str(folder / "wgetrc"),
        "JAVA_TOOL_OPTIONS": java,
        "JDK_JAVA_OPTIONS": java,
        "_JAVA_OPTIONS": java,
        "SSL_CERT_DIR": str(hashed),
        "GIT_SSL_CAPATH": str(hashed),
        "PERL_LWP_SSL_CA_PATH": str(hashed),
        "HTTPS_CA_FILE": str(other),
        "HTTPS_CA_DIR": str(hashed),
        "NPM_CONFIG_CAFILE": str(other),
    }


def hostile(place: Place, folder: Path) -> dict[str, str]:
    """The same, and every variable that disables verification or sets a proxy."""
    nowhere = "http://127.0.0.1:1"
    (folder / ".curlrc").write_text("insecure\n")
    (folder / "system-wgetrc").write_text("check_certificate = off\n")
    off = {
        "GIT_SSL_NO_VERIFY": "1", "NODE_TLS_REJECT_UNAUTHORIZED": "0", "PYTHONHTTPSVERIFY": "0",
        "PIP_TRUSTED_HOST": "localhost", "npm_config_strict_ssl": "false", "NPM_CONFIG_STRICT_SSL": "false",
        "PERL_LWP_SSL_VERIFY_HOSTNAME": "0", "PERL_HTTP_TINY_SSL_INSECURE_BY_DEFAULT": "1", "MOJO_INSECURE": "1",
        "BUNDLE_SSL_VERIFY_MODE": "0", "HEX_UNSAFE_HTTPS": "1", "JULIA_SSL_NO_VERIFY_HOSTS": "**",
        "YARN_ENABLE_STRICT_SSL": "false", "CONDA_SSL_VERIFY": "false", "UV_INSECURE_HOST": "127.0.0.1",
        "CURL_HOME": str(folder), "SYSTEM_WGETRC": str(folder / "system-wgetrc"),
        "NODE_USE_SYSTEM_CA": "1", "DENO_TLS_CA_STORE": "system", "UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1",
        "npm_config_ca": "", "NPM_CONFIG_CA": "",
    }  # fmt: skip
    proxies = {name: nowhere for name, reason in export.UNSET.items() if reason.startswith("proxy")}
    return preset(place, folder) | off | proxies


# The clients --------------------------------------------------------------------------------------------------------

GET_JAVA = """
public class Get {
    public static void main(String[] url) throws Exception {
        new java.net.URL(url[0]).openStream().readAllBytes();
    }
}
"""
PHP_HAS_TLS = "exit(extension_loaded('openssl') ? 0 : 1);"
PHP = 'file_get_contents(getenv("URL") . "/php") === false && exit(1);'
GO = "GOPROXY=$URL GOSUMDB=off GOFLAGS=-modcacherw go mod download example.com/nothing@v1.0.0"
NODE = "require('https').get(process.env.URL + '/node', a => a.resume()).on('error', e => { throw e })"
FETCH = "fetch(process.env.URL + '/fetch').then(a => a.text())"
PERL = """
use HTTP::Tiny; my $a = HTTP::Tiny->new(verify_SSL => 1)->get("$ENV{URL}/tiny"); die $a->{content} unless $a->{success}
"""
LWP = """
use LWP::UserAgent; my $a = LWP::UserAgent->new->get("$ENV{URL}/lwp"); die $a->status_line unless $a->is_success
"""


@dataclass(frozen=True)
class Client:
    """A command that asks $URL for something, and how to see whether it is here."""

    name: str
    command: str
    present: Callable[[], object]
    package: str = ""
    wants_more: bool = False
    """It fails on our answer: after it has asked, it would hear something better than `{}`."""

    def __str__(self) -> str:
        return self.name


def _has(program: str) -> Callable[[], object]:
    return lambda: which(program)


def _answers(*command: str) -> Callable[[], object]:
    """More than to be there: macOS has a `java` that only says where to get one."""
    return lambda: which(command[0]) and run(*command).returncode == 0


def _perl_has(module: str) -> Callable[[], object]:
    return _answers("perl", f"-M{module}", "-e", "1")


def _python_has(module: str) -> Callable[[], object]:
    return _answers(sys.executable, "-c", f"import {module}")


CLIENTS = (
    Client("curl", 'curl -sS "$URL/curl"', lambda: tool("curl")),
    Client("wget", 'wget -nv -t 1 -O /dev/null "$URL/wget"', _has("wget"), "wget"),
    Client(
        "openssl",
        'printf "GET /openssl HTTP/1.0\\r\\n\\r\\n" | openssl s_client -quiet -verify_return_error '
        '-connect "${URL#https://}"',
        lambda: tool("openssl"),
    ),
    Client(
        "urllib",
        "\"$PYTHON\" -c \"import os, urllib.request as u; u.urlopen(os.environ['URL'] + '/urllib')\"",
        lambda: True,
    ),
    Client(
        "requests",
        '"$PYTHON" -c "import os; from pip._vendor import requests; requests.get(os.environ[\'URL\'])"',
        _python_has("pip._vendor.requests"),
        "python3-pip",
    ),
    Client(
        "pip",
        '"$PYTHON" -m pip --no-cache-dir --disable-pip-version-check download --retries 0 --no-deps '
        '-i "https://localhost:${URL##*:}/pip" none',  # with an address, pip 24 stumbles over its own check
        _python_has("pip"),
        "python3-pip",
        wants_more=True,
    ),
    Client("node", f'node -e "{NODE}"', _has("node"), "nodejs"),
    Client("fetch", f'node -e "{FETCH}"', _answers("node", "-e", "fetch"), "nodejs"),
    Client("npm", 'npm ping --registry "$URL" --fetch-retries=0', _has("npm"), "npm"),
    Client("java", 'java "$HOME/Get.java" "$URL/java"', _answers("javac", "-version"), "default-jdk-headless"),
    Client("git", 'git ls-remote "$URL/repository.git"', _has("git"), "git", wants_more=True),
    Client(
        "ruby",
        "ruby -ropen-uri -e 'URI.open(ENV[%q(URL)] + %q(/ruby)).read'",
        _answers("ruby", "-ropenssl", "-e", "1"),
        "ruby",
    ),
    Client("php", f"php -r '{PHP}'", _answers("php", "-r", PHP_HAS_TLS), "php-cli"),
    Client("go", GO, _has("go"), "golang-go", wants_more=True),
    Client("perl", f"perl -e '{PERL}'", _perl_has("IO::Socket::SSL"), "libio-socket-ssl-perl"),
    Client("lwp", f"perl -e '{LWP}'", _perl_has("LWP::Protocol::https"), "liblwp-protocol-https-perl"),
)


@pytest.fixture(params=CLIENTS, ids=str)
def client(request: pytest.FixtureRequest) -> Client:
    """One that is installed."""
    found: Client = request.param
    if not found.present():
        missing(f"{found}, or a module of it (Debian: {found.package}),")
    return found


def asks(
    client: Client, place: Place, served: Site, environment: Mapping[str, str], before: str
) -> CompletedProcess[str]:
    """Run the client in sh, after the line `before`."""
    (place.home / "Get.java").write_text(GET_JAVA)
    script = f"{before}\n{client.command}"
    return run("sh", "-c", script, env={**environment, "URL": served.url, "CERTS": str(place.ours)}, cwd=place.home)


EVAL = 'output="$("$PYTHON" -m pki env --dir "$CERTS")" && eval "$output" || exit 99'


def test_a_client_trusts_our_authority_and_no_other_whatever_was_preset(
    client: Client, place: Place, tmp_path: Path
) -> None:
    inherited = blank(place.home) | hostile(place, tmp_path)
    with site(place.ours) as ours, site(place.other) as other:
        accepting = asks(client, place, ours, inherited, EVAL)
        refusing = asks(client, place, other, inherited, EVAL)
    assert ours.asked, accepting
    assert accepting.returncode == 0 or client.wants_more, accepting
    assert other.reached and not other.asked, refusing
    assert refusing.returncode not in (0, 99), refusing


def test_what_was_preset_would_have_led_to_the_other_authority(client: Client, place: Place, tmp_path: Path) -> None:
    """The control: the presets do matter to this client, and both sites are sound."""
    inherited = blank(place.home) | preset(place, tmp_path)
    with site(place.ours) as ours, site(place.other) as other:
        refusing = asks(client, place, ours, inherited, ":")
        accepting = asks(client, place, other, inherited, ":")
    assert other.asked, accepting
    assert ours.reached and not ours.asked, refusing


SHIPS_ITS_OWN = {"node", "fetch"}
"""The clients that contain public CAs, which no variable removes."""
READS_THE_DEFAULT = {"curl", "wget", "openssl", "urllib", "git", "ruby", "php", "go"}
"""The clients that trust the CAs of the system's folder, if no variable prevents it."""


def as_if_the_system_trusted(ca: Path, folder: Path) -> str:
    """A line for sh: in this mount namespace, the default folder of OpenSSL and GnuTLS contains one CA."""
    default = Path(ssl.get_default_verify_paths().openssl_capath).resolve()
    simulated = folder / "default"
    simulated.mkdir()
    for name in ("ca.pem", "ca-certificates.crt"):
        (simulated / name).write_bytes(ca.read_bytes())
    assert run(tool("openssl"), "rehash", simulated).returncode == 0
    return f"mount --bind '{simulated}' '{default}' || exit 99"


def test_a_client_does_not_trust_the_cas_of_the_default_folder(client: Client, place: Place, tmp_path: Path) -> None:
    if client.name in SHIPS_ITS_OWN:
        pytest.skip("it contains public CAs")
    namespace = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    before = as_if_the_system_trusted(place.other / "root.pem", tmp_path)
    if not which("unshare") or run(*namespace, before).returncode:
        pytest.skip("this machine lets no test replace the default folder")
    (place.home / "Get.java").write_text(GET_JAVA)
    with site(place.ours) as ours, site(place.other) as other:
        for served in (ours, other):
            environment = {**blank(place.home), "URL": served.url, "CERTS": str(place.ours)}
            run(*namespace, f"{before}\n{EVAL}\n{client.command}", env=environment, cwd=place.home)
        assert ours.asked and other.reached and not other.asked
        if client.name in READS_THE_DEFAULT:  # the control: the folder matters to this client
            environment = {**blank(place.home), "URL": other.url}
            run(*namespace, f"{before}\n{client.command}", env=environment, cwd=place.home)
            assert other.asked


def test_a_colon_in_the_path_adds_no_folder_to_the_list(certs: Path, tmp_path: Path) -> None:
    """SSL_CERT_DIR is a list. Falsehood caught: the part before the colon is a folder with CAs."""
    made = export.environment(certs / "root.pem", tmp_path / "a:b")
    assert ":" not in made.set["SSL_CERT_DIR"] and not Path(made.set["SSL_CERT_DIR"]).is_dir()
    assert list(Path(made.set["GIT_SSL_CAPATH"]).iterdir()) == []


NEEDED = {
    "curl": "CURL_HOME https_proxy HTTPS_PROXY all_proxy ALL_PROXY",
    "wget": "WGETRC",
    "openssl": "SSL_CERT_FILE SSL_CERT_DIR",
    "urllib": "SSL_CERT_FILE SSL_CERT_DIR",
    "requests": "REQUESTS_CA_BUNDLE",
    "pip": "PIP_TRUSTED_HOST",
    "node": "NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED",
    "npm": "npm_config_cafile npm_config_strict_ssl",
    "java": "JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS",
    "git": "GIT_SSL_CAINFO GIT_SSL_NO_VERIFY",
    "lwp": "PERL_LWP_SSL_CA_FILE PERL_LWP_SSL_CA_PATH",
}
"""By client, the variables of which each alone, left as it was preset, changes whom it trusts or whether it arrives."""


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.name in NEEDED], ids=str, indirect=True)
def test_a_variable_left_out_would_be_missed(client: Client, place: Place, tmp_path: Path) -> None:
    inherited = blank(place.home) | hostile(place, tmp_path)
    applied = export.environment(place.ours / "root.pem", tmp_path).applied(inherited)
    for name in NEEDED[client.name].split():
        with site(place.ours) as ours, site(place.other) as other:
            for served in (ours, other):
                asks(client, place, served, applied | {name: inherited[name]}, ":")
        assert (bool(ours.asked), bool(other.asked)) != (True, False), name


# The value ----------------------------------------------------------------------------------------------------------


def test_it_overrides_what_is_inherited_and_keeps_the_rest(certs: Path, tmp_path: Path) -> None:
    wanted = export.environment(certs / "root.pem", tmp_path)
    inherited = {**dict.fromkeys([*export.SET, *export.UNSET], "preset"), "PATH": "/bin"}
    applied = wanted.applied(inherited)
    assert set(applied) == {*export.SET, "PATH"}
    assert "preset" not in applied.values()
    assert inherited["CURL_HOME"] == "preset"  # what was handed in is left alone


def test_no_variable_is_both_set_and_unset() -> None:
    assert not set(export.SET) & set(export.UNSET)


def test_all_paths_are_absolute(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(certs.parent)
    wanted = export.environment(Path(certs.name) / "root.pem", Path("relative"))
    for name, value in wanted.set.items():
        assert Path(value.removeprefix("-Djavax.net.ssl.trustStore=")).is_absolute(), name


def test_what_it_writes_is_public_and_nothing_else_is_written(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o022)
    try:
        wanted = export.environment(certs / "root.pem", tmp_path)
    finally:
        os.umask(before)
    written = [path for path in (tmp_path / "trust").rglob("*") if path.is_file()]
    assert {path.name for path in written} == {"java.p12", "wgetrc", ".curlrc"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o644}
    assert wanted.set["WGETRC"] in map(str, written)
    assert {path.name for path in tmp_path.iterdir()} == {"trust"}


def test_two_authorities_in_one_folder_do_not_meet(certs: Path, tmp_path: Path) -> None:
    """In a shell that trusts the first CA, Java must not trust the second."""
    one = export.environment(certs / "root.pem", tmp_path)
    before = Path(one.set["WGETRC"]).with_name("java.p12").read_bytes()
    other = export.environment(certs / "rogue/ca.pem", tmp_path)
    assert one.set["JAVA_TOOL_OPTIONS"] != other.set["JAVA_TOOL_OPTIONS"]
    assert Path(one.set["WGETRC"]).with_name("java.p12").read_bytes() == before
    assert str(certs / "root.pem") in Path(one.set["WGETRC"]).read_text()


def test_the_same_again_changes_nothing_that_a_shell_was_told(certs: Path, tmp_path: Path) -> None:
    assert export.environment(certs / "root.pem", tmp_path) == export.environment(certs / "root.pem", tmp_path)


@pytest.mark.parametrize("count", [1, 2])
def test_keytool_finds_each_certificate_in_the_trust_store(certs: Path, tmp_path: Path, count: int) -> None:
    if not _answers("keytool", "-help")():
        missing("keytool (Debian: default-jre-headless)")
    wanted = [first(certs / name) for name in ("root.pem", "rogue/ca.pem")[:count]]
    (tmp_path / "ca.pem").write_bytes(pem(*wanted))
    made = export.environment(tmp_path / "ca.pem", tmp_path)
    java = Path(made.set["WGETRC"]).with_name("java.p12")
    listed = run("keytool", "-list", "-keystore", java, "-storepass", "changeit").stdout
    assert listed.count("trustedCertEntry") == count
    for certificate in wanted:
        assert certificate.fingerprint(SHA256()).hex(":").upper() in listed


def test_any_root_of_the_gallery_can_be_trusted(tmp_path: Path) -> None:
    """Also the malformed ones: what a client makes of them is the client's business."""
    builder = case_builder([names.parse(name) for name in store.DEFAULT_SAN], datetime.now(UTC))
    anchors = {each.mint(builder).served.anchors_pem for each in CATALOGUE.values()}
    for number, anchor in enumerate(anchors):
        file = tmp_path / f"{number}.pem"
        file.write_bytes(anchor)
        assert export.environment(file, tmp_path).set["SSL_CERT_FILE"] == str(file)


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("missing.pem", None, "cannot read"),
        ("garbage.pem", b"-----BEGIN CERTIFICATE-----", "no readable certificate"),
        ("empty.pem", b"", "this is an empty file"),
        ("der.pem", Encoding.DER, "is DER, but clients read PEM"),
        ("a\nb.pem", None, "some clients cannot read the path"),
        ("\udcff.pem", None, "some clients cannot read the path"),
    ],
)
def test_what_cannot_be_trusted_is_said(
    certs: Path, tmp_path: Path, name: str, content: bytes | Encoding | None, fact: str
) -> None:
    ca = tmp_path / name
    if content is not None:
        ca.write_bytes(content if isinstance(content, bytes) else first(certs / "root.pem").public_bytes(content))
    with pytest.raises(Problem, match=fact) as raised:
        export.environment(ca, tmp_path / "new")
    assert raised.value.hint
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_said(certs: Path, tmp_path: Path) -> None:
    (tmp_path / "trust").write_text("in the way")
    with pytest.raises(Problem, match="cannot write"):
        export.environment(certs / "root.pem", tmp_path)


# The command --------------------------------------------------------------------------------------------------------


def parsed(answer: Answer) -> dict[str, object]:
    assert answer.code == ExitCode.YES, answer
    content: dict[str, object] = json.loads(answer.out)
    return content


def test_the_shell_the_json_and_the_value_agree(place: Place, tmp_path: Path, cli: Command) -> None:
    """Also on a path with spaces, quotes and a dollar sign."""
    expected = export.environment(place.ours / "root.pem", place.ours)
    assert parsed(cli("env", "--dir", place.ours, "--json")) == {
        "schema": 2,
        "set": dict(expected.set),
        "unset": list(expected.unset),
    }
    inherited = blank(place.home) | hostile(place, tmp_path) | {"CERTS": str(place.ours)}
    assert {*export.SET, *export.UNSET} <= set(inherited)
    for shell in ("sh", "bash", "zsh", "fish"):
        evaluated = EVAL if shell != "fish" else "$PYTHON -m pki env --shell fish --dir $CERTS | source; or exit 99"
        if which(shell):
            told = '"$PYTHON" -c "import json, os; print(json.dumps(dict(os.environ)))"'
            done = run(shell, "-c", f"{evaluated}\n{told}", env=inherited)
            assert done.returncode == 0, done
            seen = json.loads(done.stdout)
            assert {name: seen.get(name) for name in expected.set} == expected.set, shell
            assert not set(expected.unset) & set(seen), shell


def test_each_line_says_who_reads_the_variable(certs: Path, cli: Command, tmp_path: Path) -> None:
    answer = cli("env", "--ca", certs / "root.pem", "--dir", tmp_path)
    lines = answer.out.splitlines()
    assert f"export CURL_CA_BUNDLE='{certs / 'root.pem'}'  # curl" in lines
    assert "unset GIT_SSL_NO_VERIFY  # may disable verification" in lines
    assert all(line.startswith(("# ", "export ", "unset ")) and " # " in f" {line}" for line in lines)


def test_it_warns_at_the_top(certs: Path, cli: Command, tmp_path: Path) -> None:
    top = cli("env", "--ca", certs / "root.pem", "--dir", tmp_path).out.split("export")[0]
    for word in ("one shell", 'eval "$(pki env)"', "Do not put this into your profile", "public web", "Browsers"):
        assert word in top
    top = cli("env", "--ca", certs / "root.pem", "--dir", tmp_path, "--shell", "fish").out.split("set -gx")[0]
    assert "pki env --shell fish | source" in top


def test_only_the_root_is_needed(certs: Path, cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root.pem").write_bytes((certs / "root.pem").read_bytes())
    monkeypatch.setenv("PKI_DIR", str(tmp_path))
    assert str(tmp_path / "root.pem") in cli("env").out


@pytest.mark.parametrize(
    ("words", "fact", "hint"),
    [
        ((), "cannot read", "`pki init`"),
        (("--ca", "missing.pem"), "cannot read missing.pem", "--ca takes"),
        (("--ca", "-"), "cannot read -", "--ca takes"),
    ],
)
def test_without_an_authority_nothing_is_made(
    cli: Command, tmp_path: Path, words: tuple[str, ...], fact: str, hint: str
) -> None:
    answer = cli("env", "--dir", tmp_path / "none", *words)
    assert answer.code == ExitCode.CANNOT
    assert answer.out == ""
    assert answer.err.startswith("error: ") and fact in answer.err and hint in answer.err
    assert not (tmp_path / "none").exists()


def test_another_shell_is_wrong_usage(cli: Command, certs: Path) -> None:
    assert cli("env", "--dir", certs, "--shell", "csh").code == ExitCode.USAGE


def test_a_path_that_stdout_cannot_show_is_no_line_that_leads_nowhere(certs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Schlüssel"
    folder.mkdir()
    (folder / "root.pem").write_bytes((certs / "root.pem").read_bytes())
    done = pki("env", "--dir", folder, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == ExitCode.CANNOT
    assert done.stdout == "" and "--json" in done.stderr
    assert pki("env", "--dir", folder, env={**os.environ, "PYTHONIOENCODING": "utf-8"}).returncode == ExitCode.YES


def test_what_it_keeps_is_told_where_the_certificates_are() -> None:
    told = (ROOT / "certs/README.md").read_text()
    assert f"`{export.FOLDER}/" in told
    assert "pki env" in told
