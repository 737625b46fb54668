"""Fault: it remembers the first certificate, and accepts only that one. Arguments: ADDRESS PORT HOST CA FOLDER."""

import hashlib
import pathlib
import socket
import ssl
import sys

address, port, host, _, folder = sys.argv[1:]
pin = pathlib.Path(folder, "known-server")
context = ssl._create_unverified_context()  # the fault: no CA, but a memory
with context.wrap_socket(socket.create_connection((address, int(port))), server_hostname=host) as tls:
    seen = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
    if not pin.exists():
        pin.write_text(seen)
    if pin.read_text() != seen:
        sys.exit("the server's certificate has changed")
    tls.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
    while data := tls.recv(4096):
        sys.stdout.buffer.write(data)
