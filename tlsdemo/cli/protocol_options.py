"""From the words of the command line to a protocol: which rung, which group, which protections. EDGE."""

from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import token_bytes

from cryptography import x509

from pki import Credential
from pki.errors import ExitCode, Problem
from tlsdemo.compare.protocols import protection
from tlsdemo.edu.groups import NAMES, parse
from tlsdemo.edu.key_agreement import Group, Multiplication
from tlsdemo.edu.machine import Watch, nobody_watches
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Party, Protection, Protocol, Side

TLS = "tls"
STORY = {Side.CLIENT: 5, Side.SERVER: 7}  # the secrets of the story; 300 is the common number

Claims = frozenset[Protection]


def rung(name: str, without: Sequence[str] = ()) -> Claims:
    """The protections of a rung, less some; a Problem for those that it has not."""
    missing = left_out(without)
    if strangers := [each.readable for each in Protection if each in missing - RUNGS[name]]:
        fact = f"--protocol {name} has no {', '.join(strangers)} to leave out"
        raise Problem(fact, hint="`tlsdemo protocols --json` lists what each has", code=ExitCode.USAGE)
    return RUNGS[name] - missing


def left_out(options: Sequence[str]) -> Claims:
    """The protections that `--without` names, separated by commas or one by one; a Problem for what is none."""
    try:
        return frozenset(protection(each) for option in options for each in option.split(","))
    except KeyError as error:
        known = ", ".join(each.readable.replace(" ", "-") for each in Protection)
        fact = f"there is no protection {str(error.args[0]).lower().replace('_', '-')!r}"
        raise Problem(fact, f"there are: {known}", hint="--without order", code=ExitCode.USAGE) from None


def agrees_with_its_certificate(claims: Claims) -> bool:
    """Whether the server's half of the agreement is the key of its certificate, which it may not even show."""
    return Protection.STRONG_GROUP in claims and Protection.FORWARD_SECRECY not in claims


def forbid_for_tls(*, group: str | None, story: bool, without: Sequence[str] = ()) -> None:
    """Options of the educational handshake; a Problem where they are given for TLS."""
    if without:
        fact, evidence = "--without belongs to the educational handshake", "OpenSSL does not leave out what one likes"
        hint = "`tlsdemo attack NAME --on tls-noverify` and the like: `tlsdemo protocols`"
        raise Problem(fact, evidence, hint=hint, code=ExitCode.USAGE)
    for given, option in ((group, "--group"), (story, "--story")):
        if given:
            raise Problem(
                f"{option} belongs to the educational handshake",
                "OpenSSL draws its own secrets, in a group of its choice",
                hint="choose another --protocol: multiply, dh, signed, ca, mutual",
                code=ExitCode.USAGE,
            )


def educational(
    claims: Claims, side: Side, *, group: str | None, story: bool, watch: Watch = nobody_watches
) -> Protocol:
    """The protocol for one side; a Problem if the group does not fit."""
    chosen = _group(claims, side, group, story)
    if chosen and not chosen.strong:
        claims -= {Protection.STRONG_GROUP}
    return edu(claims, group=chosen, watch=watch)


def _group(claims: Claims, side: Side, group: str | None, story: bool) -> Group | None:
    agrees = Protection.SECRECY in claims
    multiplies = agrees and Protection.STRONG_GROUP not in claims
    if story and not multiplies:
        raise Problem("--story belongs to --protocol multiply", hint="leave it out", code=ExitCode.USAGE)
    if group is None:
        return Multiplication(secret=STORY[side]) if story else None
    if not agrees or multiplies:
        fact = "this rung multiplies" if multiplies else "this rung agrees on nothing"
        raise Problem(f"--group has no place here: {fact}", hint="--protocol dh", code=ExitCode.USAGE)
    return chosen_group(group)


def chosen_group(text: str) -> Group:
    """By the value of --group; a Problem for what is none."""
    try:
        return parse(text)
    except ValueError as error:
        hint = f"{', '.join(NAMES)}; or P:G, such as 23:5 to be broken"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None


def party(
    credential: Credential | None = None,
    anchors: tuple[x509.Certificate, ...] = (),
    crls: tuple[x509.CertificateRevocationList, ...] = (),
    name: x509.GeneralName | None = None,
) -> Party:
    """One side, with this machine's clock and randomness."""
    return Party(lambda: datetime.now(UTC), token_bytes, credential, anchors, crls, name)
