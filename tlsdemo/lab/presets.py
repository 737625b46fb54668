"""Well-known clients as data: the command, what it needs, and how to ask for its version.

Placeholders: {url} {host} {port} {ca} {sni_url} as in a command of the user; {python} is this Python; {dir} is a folder
with the preset's files. They may be in `command`, `stdin`, `prepare`, `version` and in values of `environment`.

Each preset is the client as in the first example of its documentation, with its default verification. A client that
supports a proxy reaches names that it does not resolve through the proxy; another connects to localhost and asks for
the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """One client, as it is used without a thought about TLS."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    """Programs that must be in a folder of PATH."""
    version: tuple[str, ...]
    """A command whose first output line is the version. It fails if the client lacks a library."""
    modules: tuple[str, ...] = ()
    """Python modules that must be installed."""
    stdin: str = ""
    """The standard input of the command."""
    to_address: tuple[str, ...] = ()
    """The command if {host} is an IP address, which must not be sent as server_name (RFC 6066 §3)."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files in {dir}: name and content. Placeholders in them are not replaced."""
    prepare: tuple[tuple[str, ...], ...] = ()
    """Commands to run once before, in the same environment, such as a compiler; {ca} is allowed."""
    environment: Mapping[str, str] = field(default_factory=dict)


HOME = {"HOME": "{dir}"}
"""An empty home folder, so that settings of the user, such as `.curlrc`, have no effect."""

NOT_INHERITED = (
    "CHROMIUM_FLAGS", "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_PARAMETERS", "GNUTLS_SYSTEM_PRIORITY_FILE",
    "GODEBUG", "GOFLAGS", "NODE_OPTIONS", "NO_PROXY", "OPENSSL_CONF", "PERL5OPT", "PHPRC", "PHP_INI_SCAN_DIR",
    "RUBYOPT", "SSLKEYLOGFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "no_proxy",
)  # fmt: skip
"""Variables to remove besides those of `pki env`: they can change what the client checks."""

REQUEST = "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"


def python(name: str, code: str, library: str = "") -> Preset:
    """A preset from a few lines of Python. Its version includes the version of OpenSSL."""
    own = f"import {library}; print('{library}', {library}.__version__, end=', ');" if library else ""
    rest = "import platform, ssl; print('Python', platform.python_version() + ',', ssl.OPENSSL_VERSION)"
    return Preset(
        name,
        ("{python}", "-c", code, "{url}"),
        needs=(),
        modules=(library,) if library else (),
        version=("{python}", "-c", own + rest),
    )


AIOHTTP = """\
import asyncio, sys, aiohttp

async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as response:
        print(await response.text())

asyncio.run(main())
"""
"""`trust_env` makes aiohttp use a proxy, as the other clients do by default."""

NAMES_JS = """\
// Node uses no proxy. All names below localhost are this machine (RFC 6761 §6.3). TLS is not changed.
const dns = require("dns");
const ask = dns.lookup;
dns.lookup = (name, ...rest) => ask(name.endsWith(".localhost") ? "localhost" : name, ...rest);
"""

HTTPS_GET = """\
require("https").get(process.argv[1], answer => answer.pipe(process.stdout)).on("error", error => {
  console.error(error.message);
  process.exitCode = 1;
});
"""

FETCH = """\
fetch(process.argv[1]).then(answer => answer.text()).then(console.log).catch(error => {
  console.error(String(error.cause ?? error));
  process.exitCode = 1;
});
"""


def node(name: str, code: str, wanted: str = "true") -> Preset:
    """A preset from a line of JavaScript, for a Node.js in which `wanted` is true."""
    version = f"{wanted} && 'Node.js ' + process.versions.node + ', OpenSSL ' + process.versions.openssl"
    return Preset(
        name,
        ("node", "--require", "{dir}/names.js", "--eval", code, "{url}"),
        needs=("node",),
        version=("node", "--print", version),
        files={"names.js": NAMES_JS},
    )


GET_JAVA = """\
import java.io.IOException;
import java.net.URL;

class Get {
    public static void main(String[] arguments) {
        try (var answer = new URL(arguments[0]).openStream()) {
            answer.transferTo(System.out);
        } catch (IOException refused) {
            System.err.println(refused);
            System.exit(1);
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

RUBY = """\
ENV["http_proxy"] = ENV["https_proxy"]
puts Net::HTTP.get(URI(ARGV[0])) rescue abort $!.message
"""
"""Older versions of Net::HTTP use `http_proxy` for https, too."""

PHP = """\
$proxy = str_replace('http://', 'tcp://', (string) getenv('https_proxy'));
$answer = file_get_contents($argv[1], false, stream_context_create($proxy ? ['http' => ['proxy' => $proxy]] : []));
if ($answer === false) exit(1);
echo $answer;
"""
"""PHP does not read the proxy variables, so the script passes the proxy."""

LWP_SIMPLE = "exit !is_success(getprint($ARGV[0]))"
HTTP_TINY = "my $answer = HTTP::Tiny->new->get($ARGV[0]); print $answer->{'content'}; exit !$answer->{'success'}"

S_CLIENT = ("openssl", "s_client", "-quiet", "-connect")
STRICTLY = ("-verify_return_error", "-verify_hostname", "{host}")
LOOPBACK = ("localhost", "*.localhost", "127.0.0.1", "[::1]")
"""The hosts that Chromium may resolve. Otherwise it connects to update and account servers."""
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
            ("wget", "--execute=use_proxy=on", "--no-verbose", "--tries=1", "--output-document=-", "{url}"),
            # `pki env` turns wget's proxy off; a proxy that is set here is the lab's.
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
        python("python-urllib", "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read())"),
        python("python-requests", "import sys, requests; print(requests.get(sys.argv[1]).text)", "requests"),
        python("python-httpx", "import sys, httpx; print(httpx.get(sys.argv[1]).text)", "httpx"),
        python("python-aiohttp", AIOHTTP, "aiohttp"),
        node("node", HTTPS_GET),
        node("node-fetch", FETCH, wanted="fetch"),
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
                "GOPROXY": "off",
                "GOTOOLCHAIN": "local",
            },
        ),
        Preset(
            "ruby",
            ("ruby", "-rnet/http", "-e", RUBY, "{url}"),
            needs=("ruby",),
            version=("ruby", "-ropenssl", "-e", "print 'Ruby ', RUBY_VERSION, ', ', OpenSSL::OPENSSL_LIBRARY_VERSION"),
        ),
        Preset(
            "php",
            ("php", "-r", PHP, "{url}"),
            needs=("php",),
            version=("php", "-r", "echo 'PHP ', PHP_VERSION; exit(extension_loaded('openssl') ? 0 : 1);"),
        ),
        Preset(
            "perl",
            ("perl", "-MLWP::Simple", "-e", LWP_SIMPLE, "{url}"),
            needs=("perl",),
            version=("perl", "-MLWP", "-MLWP::Protocol::https", "-e", "print 'Perl LWP ', LWP->VERSION"),
        ),
        Preset(
            "perl-http-tiny",
            ("perl", "-MHTTP::Tiny", "-e", HTTP_TINY, "{url}"),
            needs=("perl",),
            version=(
                "perl",
                "-MHTTP::Tiny",
                "-MIO::Socket::SSL",
                "-e",
                "print 'Perl HTTP::Tiny ', HTTP::Tiny->VERSION",
            ),
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
                "--no-proxy-server",
                f"--host-resolver-rules=MAP * ~NOTFOUND, {', '.join(f'EXCLUDE {each}' for each in LOOPBACK)}",
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
"""All presets by name."""
