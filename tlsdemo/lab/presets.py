"""Clients that people use, each only as data: what to type, what it needs, how to ask for its version.

Placeholders: {url} {host} {port} {ca} {sni_url} as in a command of one's own; {python} is this Python; {dir} a folder
in which the preset's files lie. They stand in `command`, `stdin`, `prepare`, `version` and in values of `environment`.

Each is the client as its own first example shows it, with the verification that it does by default. Where it has a
proxy, a name that nobody resolves is reached through that; where it has none, it connects to localhost and asks for
the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """One client, as somebody would use it without thinking of TLS."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    """Programs that must be on the path."""
    version: tuple[str, ...]
    """A command whose first line tells the version; it fails where the client lacks a library."""
    modules: tuple[str, ...] = ()
    """Modules that this Python must have."""
    stdin: str = ""
    """What is typed into it."""
    to_address: tuple[str, ...] = ()
    """The command where {host} is an IP address, if that is another one: an address is no server name (RFC 6066 §3)."""
    files: Mapping[str, str] = field(default_factory=dict)
    """What must lie in {dir}: name and content, which is taken as it is."""
    prepare: tuple[tuple[str, ...], ...] = ()
    """Commands to run once before, in the same environment, such as a compiler; also with {ca}."""
    environment: Mapping[str, str] = field(default_factory=dict)


HOME = {"HOME": "{dir}"}
"""Without the settings of whoever runs it: the client is judged, not a `.curlrc`."""

REQUEST = "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"


def python(name: str, code: str, module: str) -> Preset:
    """A few lines of Python with a library; the version names OpenSSL, too, which does the work."""
    shown = (
        "platform.python_version()"
        if module == "urllib.request"
        else f"{module}.__version__, 'on Python', platform.python_version()"
    )
    title = "Python urllib" if module == "urllib.request" else module
    return Preset(
        name,
        ("{python}", "-c", f"import sys, {module}\n{code}", "{url}"),
        needs=(),
        modules=(module,),
        version=("{python}", "-c", f"import platform, ssl, {module}; print('{title}', {shown}, ssl.OPENSSL_VERSION)"),
    )


AIOHTTP = """
import asyncio

async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as response:
        print(await response.text())

asyncio.run(main())
"""
"""`trust_env` lets it see a proxy, as all others do by themselves."""

NAMES_JS = """\
// Node knows no proxy. As RFC 6761 §6.3 says, all names under localhost are this machine; nothing of TLS is touched.
const dns = require("dns");
const ask = dns.lookup;
dns.lookup = (name, ...rest) => ask(name.endsWith(".localhost") ? "localhost" : name, ...rest);
"""


def node(name: str, code: str) -> Preset:
    """A line of JavaScript."""
    version = "'Node.js ' + process.versions.node + ', OpenSSL ' + process.versions.openssl"
    return Preset(
        name,
        ("node", "--require", "{dir}/names.js", "--eval", code, "{url}"),
        needs=("node",),
        version=("node", "--print", version),
        files={"names.js": NAMES_JS},
    )


GET_JAVA = """\
import java.net.URL;

class Get {
    public static void main(String[] arguments) throws Exception {
        try (var answer = new URL(arguments[0]).openStream()) {
            answer.transferTo(System.out);
        }
    }
}
"""

GET_GO = """\
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(os.Stdout, answer.Body)
}
"""

PHP = """\
$proxy = str_replace('http://', 'tcp://', (string) getenv('https_proxy'));
$answer = file_get_contents($argv[1], false, stream_context_create($proxy ? ['http' => ['proxy' => $proxy]] : []));
if ($answer === false) exit(1);
echo $answer;
"""
"""PHP looks at no proxy that it is not told of."""

S_CLIENT = ("openssl", "s_client", "-quiet", "-connect")
STRICTLY = ("-verify_return_error", "-verify_hostname", "{host}")
GNUTLS_CLI = ("gnutls-cli", "--x509cafile", "{ca}", "--port", "{port}")

PRESETS: Mapping[str, Preset] = {
    each.name: each
    for each in (
        Preset(
            "curl",
            ("curl", "--silent", "--show-error", "{url}"),
            needs=("curl",),
            version=("curl", "--version"),
            environment=HOME,
        ),
        Preset(
            "wget",
            ("wget", "--no-verbose", "--tries=1", "--output-document=-", "{url}"),
            needs=("wget",),
            version=("wget", "--version"),
            environment=HOME,
        ),
        Preset(
            "openssl",
            (*S_CLIENT, "localhost:{port}", "-servername", "{host}"),
            to_address=(*S_CLIENT, "{host}:{port}"),
            needs=("openssl",),
            version=("openssl", "version"),
            stdin=REQUEST,
        ),
        Preset(
            "openssl-strict",
            (*S_CLIENT, "localhost:{port}", "-servername", "{host}", *STRICTLY),
            to_address=(*S_CLIENT, "{host}:{port}", "-verify_return_error", "-verify_ip", "{host}"),
            needs=("openssl",),
            version=("openssl", "version"),
            stdin=REQUEST,
        ),
        Preset(
            "gnutls-cli",
            (*GNUTLS_CLI, "--sni-hostname", "{host}", "--verify-hostname", "{host}", "localhost"),
            to_address=(*GNUTLS_CLI, "{host}"),
            needs=("gnutls-cli",),
            version=("gnutls-cli", "--version"),
            stdin=REQUEST,
        ),
        python("python-urllib", "print(urllib.request.urlopen(sys.argv[1]).read())", "urllib.request"),
        python("python-requests", "print(requests.get(sys.argv[1]).text)", "requests"),
        python("python-httpx", "print(httpx.get(sys.argv[1]).text)", "httpx"),
        python("python-aiohttp", AIOHTTP, "aiohttp"),
        node("node", "require('https').get(process.argv[1], answer => answer.pipe(process.stdout))"),
        node("node-fetch", "fetch(process.argv[1]).then(answer => answer.text()).then(console.log)"),
        Preset(
            "java",
            ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", "{dir}", "Get", "{url}"),
            needs=("java", "javac"),
            version=("java", "--version"),
            files={"Get.java": GET_JAVA},
            prepare=(("javac", "-d", "{dir}", "{dir}/Get.java"),),
        ),
        Preset(
            "go",
            ("{dir}/get", "{url}"),
            needs=("go",),
            version=("go", "version"),
            files={"get.go": GET_GO},
            prepare=(("go", "build", "-o", "{dir}/get", "{dir}/get.go"),),
            environment={
                **HOME,
                "GOCACHE": "{dir}/cache",
                "GOPATH": "{dir}/path",
                "GO111MODULE": "off",
                "GOFLAGS": "",
                "GODEBUG": "",
                "GOPROXY": "off",
                "GOTOOLCHAIN": "local",
            },
        ),
        Preset(
            "ruby",
            ("ruby", "-rnet/http", "-e", "puts Net::HTTP.get(URI(ARGV[0]))", "{url}"),
            needs=("ruby",),
            version=("ruby", "-ropenssl", "-e", 'puts "Ruby #{RUBY_VERSION}, #{OpenSSL::OPENSSL_LIBRARY_VERSION}"'),
        ),
        Preset(
            "php",
            ("php", "-r", PHP, "{url}"),
            needs=("php",),
            version=("php", "-r", "echo 'PHP ', PHP_VERSION, ', ', OPENSSL_VERSION_TEXT;"),
        ),
        Preset(
            "perl",
            ("perl", "-MLWP::Simple", "-e", "getprint($ARGV[0])", "{url}"),
            needs=("perl",),
            version=("perl", "-MLWP", "-MLWP::Protocol::https", "-e", "print 'Perl LWP ', LWP->VERSION"),
        ),
        Preset(
            "perl-http-tiny",
            ("perl", "-MHTTP::Tiny", "-e", "print HTTP::Tiny->new->get($ARGV[0])->{content}", "{url}"),
            needs=("perl",),
            version=("perl", "-MHTTP::Tiny", "-MIO::Socket::SSL", "-e", "print 'HTTP::Tiny ', HTTP::Tiny->VERSION"),
        ),
        Preset(
            "git",
            ("git", "ls-remote", "{url}"),
            needs=("git",),
            version=("git", "--version"),
            environment={**HOME, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"},
        ),
        Preset(
            "chromium",
            (
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir={dir}/profile-{port}",
                "--dump-dom",
                "{url}",
            ),
            needs=("chromium", "certutil"),
            version=("chromium", "--version"),
            prepare=(
                ("mkdir", "-p", "{dir}/.pki/nssdb"),
                ("certutil", "-d", "sql:{dir}/.pki/nssdb", "-N", "--empty-password"),
                ("certutil", "-d", "sql:{dir}/.pki/nssdb", "-A", "-t", "C,,", "-n", "lab", "-i", "{ca}"),
            ),
            environment=HOME,
        ),
    )
}
"""By name."""
