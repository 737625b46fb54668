"""The verdicts of independent verifiers on the same certificate. EDGE: runs programs.

cryptography   its own verifier: a profile for the web, without CRLs
openssl        `openssl verify`, if it is installed
certtool       `certtool --verify` of GnuTLS, if it is installed
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from pki import names
from pki.malformed import Malformed, read_field
from pki.path.request import Request
from pki.verdict import Purpose, Verdict

PATIENCE = 5.0  # seconds of wall-clock time for a program; our own verifier counts work instead
A_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True)
class Opinion:
    """The verdict of another verifier, and its error text (empty if it accepts)."""

    engine: str
    accepted: bool
    words: str

    def disagrees_with(self, verdict: Verdict) -> bool:
        """Whether the two verdicts differ."""
        return self.accepted is not verdict.accepted


def opinions(request: Request) -> Iterator[Opinion]:
    """Yield the opinion of each verifier that is installed and can answer the request."""
    if not isinstance(request.name, x509.RFC822Name):  # it does not match mail addresses
        try:
            yield read_field(lambda: _of_the_library(request))
        except Malformed as error:
            yield Opinion("cryptography", False, str(error))
    with tempfile.TemporaryDirectory(prefix="pki-") as folder:
        files = _Files(Path(folder), request)
        for ask in (_of_openssl, _of_certtool):
            if opinion := ask(request, files):
                yield opinion


def _of_the_library(request: Request) -> Opinion:
    engine = "cryptography"
    try:
        builder = verification.PolicyBuilder().store(verification.Store(list(request.trust_anchors))).time(request.at)
        builder = builder.max_chain_depth(request.max_depth)
        if request.purpose is Purpose.CLIENT:
            builder.build_client_verifier().verify(request.leaf, list(request.intermediates))
        else:
            name = request.name or next(iter(names.readable(request.leaf)), None)
            if not isinstance(name, x509.DNSName | x509.IPAddress):
                return Opinion(engine, False, "it needs a server name, and there is none")
            if isinstance(name, x509.DNSName):
                name = x509.DNSName(name.value.replace("*", "x"))
            builder.build_server_verifier(name).verify(request.leaf, list(request.intermediates))
    except verification.VerificationError as error:
        words = re.sub(r"\s*\(encountered processing <.*", "", str(error).removeprefix("validation failed: "))
        words = re.sub(r": AlgorithmIdentifier \{.*", "", words)
        return Opinion(engine, False, words.splitlines()[0] if words else "no path found")
    return Opinion(engine, True, "")


class _Files:
    """The inputs of the programs, which take files only."""

    def __init__(self, folder: Path, request: Request) -> None:
        self.leaf = self._write(folder / "leaf.pem", [request.leaf])
        self.anchors = self._write(folder / "anchors.pem", request.trust_anchors)
        self.intermediates = self._write(folder / "intermediates.pem", request.intermediates)
        self.chain = self._write(folder / "chain.pem", [request.leaf, *request.intermediates])
        self.lists = self._write(folder / "lists.pem", request.crls)

    @staticmethod
    def _write(path: Path, objects: Sequence[x509.Certificate | x509.CertificateRevocationList]) -> Path | None:
        """The path of the written file; None if there are no objects."""
        path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in objects))
        return path if objects else None


def _of_openssl(request: Request, files: _Files) -> Opinion | None:
    command = ["openssl", "verify", "-attime", str(int(request.at.timestamp())), "-no-CApath", "-no-CAstore"]
    command += ["-CAfile", str(files.anchors)] if files.anchors else ["-no-CAfile"]
    if files.intermediates:
        command += ["-untrusted", str(files.intermediates)]
    if files.lists:
        command += ["-crl_check_all", "-CRLfile", str(files.lists)]
    if request.purpose is not Purpose.ANY:
        command += ["-purpose", f"ssl{request.purpose.value}"]
    if request.name is not None:
        options = {x509.IPAddress: "-verify_ip", x509.RFC822Name: "-verify_email"}
        command += [options.get(type(request.name), "-verify_hostname"), names.plain(request.name)]
    done = _run([*command, str(files.leaf)])
    if done is None:
        return None
    found = re.search(r"error (\d+) at \d+ depth lookup: (.*)", done.stderr)
    words = f"verify code {found[1]}, {found[2]}" if found else _last_line(done.stderr)
    return Opinion("openssl", done.returncode == 0, "" if done.returncode == 0 else words)


def _of_certtool(request: Request, files: _Files) -> Opinion | None:
    if (
        files.anchors is None or abs(datetime.now(UTC) - request.at) > A_MOMENT
    ):  # it can only validate for the current time
        return None
    command = ["certtool", "--verify", "--load-ca-certificate", str(files.anchors), "--infile", str(files.chain)]
    if request.purpose is not Purpose.ANY:
        command += ["--verify-purpose", f"1.3.6.1.5.5.7.3.{1 if request.purpose is Purpose.SERVER else 2}"]
    if request.name is not None:
        option = "--verify-email" if isinstance(request.name, x509.RFC822Name) else "--verify-hostname"
        command += [option, names.plain(request.name)]
    if files.lists:
        command += ["--load-crl", str(files.lists)]
    done = _run(command)
    if done is None:
        return None
    found = re.search(r"Chain verification output: (.*)", done.stdout)
    words = found[1].strip() if found else _last_line(done.stderr).removeprefix("error parsing CRTs: ")
    return Opinion("certtool", done.returncode == 0, "" if done.returncode == 0 else words)


def _run(command: list[str]) -> "subprocess.CompletedProcess[str] | None":
    """The result of the program; None if it is missing or timed out."""
    if not shutil.which(command[0]):
        return None
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no"])[-1]
