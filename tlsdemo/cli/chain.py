"""`tlsdemo chain`: the certificates that a server presents. Checks nothing, and sends no application data. EDGE."""

import os
import ssl
import stat
import sys

from pki import names
from pki.console import remark
from pki.errors import ExitCode, Problem, printable
from tlsdemo import net
from tlsdemo.tls import client, errors
from tlsdemo.tls.context import Verify, client_context
from tlsdemo.tls.plaintext_reply import of_what_came


def chain(address: str, name: str | None) -> int:
    """Print the chain in PEM, leaf first."""
    try:
        target = net.parse_address(address, "localhost", 4433)
        wanted = names.reference(name if name is not None else target.host)
    except ValueError as error:
        hint = "give HOST:PORT, and --name NAME for another server name"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None
    context = client_context((), verify=Verify.NOTHING_FOR_THE_DEMO)
    try:
        with net.dial(target) as plain, of_what_came(plain, context):
            ders = client.look(plain, context, names.plain(wanted))
    except OSError as error:
        code = ExitCode.NO if isinstance(error, ssl.SSLError | errors.NotTls) else ExitCode.CANNOT
        fact = f"{target} presents no certificate: {printable(errors.sentence(error))}"
        raise Problem(fact, hint=errors.hint(error), code=code) from None
    for der in ders:
        print(ssl.DER_cert_to_PEM_cert(der), end="")
    judge = f"`tlsdemo chain {target} | pki verify - --name {names.plain(wanted)}`"
    advice = "" if _is_piped() else f" To check them: {judge}"
    remark(f"{len(ders)} certificates from {target}; nothing was checked.{advice}")
    return ExitCode.YES


def _is_piped() -> bool:
    """Whether another program reads the certificates."""
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except OSError:
        return False
