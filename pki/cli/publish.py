"""`pki publish`: serve CRLs and OCSP of the folder."""

import signal
import sys
import threading
from datetime import UTC, datetime
from typing import Annotated

import typer

from pki.cli.options import Directory, Json
from pki.console import CERTS, print_json, remark
from pki.errors import ExitCode

PORT = 4480


def publish(
    directory: Directory = CERTS,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = PORT,
    as_json: Json = False,
) -> int:
    """Serve CRLs and OCSP over HTTP on this machine.

    Certificates name it if they are issued with --revocation-url. `pki revoke` is visible with the next request. Ctrl-C
    ends it with exit code 0.
    """
    from pki.cli import ca_text
    from pki.publish.folder import publish as publish_folder
    from pki.publish.server import Publisher

    ended = threading.Event()
    publisher = Publisher(("127.0.0.1",), port)
    try:
        service = publish_folder(directory, publisher, remark, lambda: datetime.now(UTC))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        with publisher:
            url = publisher.url().rstrip("/")
            if as_json:
                print_json({"url": url, "crls": list(service.crl_urls), "ocsp": service.ocsp_url})
            else:
                for each in service.crl_urls:
                    print(f"CRL    {each}")
                print(f"OCSP   {service.ocsp_url}")
                print()
                print("To issue a certificate that names them, and to ask:")
                print(f"  pki issue NAME --revocation-url {url}{ca_text.directory_option(directory)}")
                print(
                    f"  openssl ocsp -issuer {directory / 'intermediate.pem'} -cert FILE -url {service.ocsp_url}"
                    f" -CAfile {directory / 'root.pem'}"
                )
            sys.stdout.flush()
            ended.wait()
    finally:
        publisher.stop()
    return ExitCode.YES
