"""The peers as data: the clients are presets of `check-client`; the servers are here, in the same form.

A server has {port} in its command, and finds its certificate, its chain and its key in {dir}. It answers a GET request.
"""

from collections.abc import Mapping

from tlsdemo.lab.presets import HOME, PRESETS, Preset

CLIENTS: Mapping[str, Preset] = {
    name: PRESETS[preset]
    for name, preset in {
        "openssl": "openssl",
        "curl": "curl",
        "python": "python-urllib",
        "node": "node",
        "java": "java",
        "go": "go",
        "gnutls": "gnutls-cli",
        "chromium": "chromium",
    }.items()
}
"""The clients, by the names of the columns."""

CERTIFICATE, CHAIN, KEY = "server.pem", "chain.pem", "server.key"
"""Files in {dir}: the server's certificate and those of its issuers, the latter alone, and the key."""

SERVER_PY = """\
import http.server, ssl, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from Python\\n")

port, folder = int(sys.argv[1]), sys.argv[2]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""

SERVER_JS = """\
const [port, folder] = process.argv.slice(1);
const read = name => require("fs").readFileSync(`${folder}/${name}`);
const credential = {cert: read("server.pem"), key: read("server.key")};
require("https").createServer(credential, (_, answer) => answer.end("hello from Node\\n")).listen(port, "127.0.0.1");
"""

SERVER_GO = """\
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
		io.WriteString(answer, "hello from Go\\n")
	})
	folder := os.Args[2]
	log.Fatal(http.ListenAndServeTLS("127.0.0.1:"+os.Args[1], folder+"/server.pem", folder+"/server.key", nil))
}
"""

NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:PORT ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    location / { return 200 "hello from nginx\\n"; }
  }
}
"""
"""A configuration cannot take its port from the command line; it is written in beforehand."""

SERVERS: Mapping[str, Preset] = {
    each.name: each
    for each in (
        Preset(
            "nginx",
            ("nginx", "-p", "{dir}", "-c", "{dir}/nginx.conf", "-e", "stderr"),
            needs=("nginx",),
            version=("sh", "-c", "nginx -v 2>&1"),
            files={"nginx.conf.in": NGINX},
            prepare=(("sh", "-c", "sed s/PORT/{port}/ '{dir}/nginx.conf.in' > '{dir}/nginx.conf'"),),
        ),
        Preset(
            "openssl",
            (
                *("openssl", "s_server", "-accept", "127.0.0.1:{port}", "-www"),
                *("-cert", "{dir}/server.pem", "-cert_chain", "{dir}/chain.pem", "-key", "{dir}/server.key"),
            ),
            needs=("openssl",),
            version=("openssl", "version"),
        ),
        Preset(
            "python",
            ("{python}", "-c", SERVER_PY, "{port}", "{dir}"),
            needs=(),
            version=PRESETS["python-urllib"].version,
        ),
        Preset(
            "node",
            ("node", "--eval", SERVER_JS, "{port}", "{dir}"),
            needs=("node",),
            version=PRESETS["node"].version,
        ),
        Preset(
            "go",
            ("{dir}/serve", "{port}", "{dir}"),
            needs=("go",),
            version=("go", "version"),
            files={"serve.go": SERVER_GO},
            prepare=(("go", "build", "-o", "{dir}/serve", "{dir}/serve.go"),),
            environment=PRESETS["go"].environment,
        ),
        Preset(
            "gnutls",
            (
                *("gnutls-serv", "--http", "--port", "{port}"),
                *("--x509certfile", "{dir}/server.pem", "--x509keyfile", "{dir}/server.key"),
            ),
            needs=("gnutls-serv",),
            version=("gnutls-serv", "--version"),
            environment=HOME,
        ),
    )
}
"""The servers, by the names of the columns."""
