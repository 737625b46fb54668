"""From options to a protocol: rung, group, protections. EDGE."""

from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import token_bytes

from cryptography import x509

from pki import Credential
from pki.errors import ExitCode, Problem
from tlsdemo.compare.protocols import protection
from tlsdemo.edu.groups import NAMES, parse
from tlsdemo.edu.key_agreement import Group, Multiplication
from tlsdemo.edu.machine import Watch, no_watch
from tlsdemo.edu.protocol import RUNGS, edu
from tlsdemo.protocol import Party, Protection, Protocol, Side

TLS = "tls"
STORY = {Side.CLIENT: 5, Side.SERVER: 7}  # the secrets of the story; 300 is the base

Claims = frozenset[Protection]


def rung(name: str, without: Sequence[str] = ()) -> Claims:
    """The protections of a rung without those in `without`. Raises Problem for one that the rung does not have."""
    missing = left_out(without)
    if unknown := [each.readable for each in Protection if each in missing - RUNGS[name]]:
        fact = f"--protocol {name} does not have the protection {', '.join(unknown)}"
        hint = "`tlsdemo protocols --json` lists the protections of each protocol"
        raise Problem(fact, hint=hint, code=ExitCode.USAGE)
    return RUNGS[name] - missing


def left_out(options: Sequence[str]) -> Claims:
    """The protections in the values of `--without`, each a list separated by commas. Raises Problem for others."""
    try:
        return frozenset(protection(each) for option in options for each in option.split(","))
    except KeyError as error:
        known = ", ".join(each.readable.replace(" ", "-") for each in Protection)
        fact = f"unknown protection {str(error.args[0]).lower().replace('_', '-')!r}"
        hint = "for example: --without order"
        raise Problem(fact, f"protections: {known}", hint=hint, code=ExitCode.USAGE) from None


def agrees_with_its_certificate(claims: Claims) -> bool:
    """Whether the server's secret is the private key of its certificate, even if it does not present that."""
    return Protection.STRONG_GROUP in claims and Protection.FORWARD_SECRECY not in claims


def forbid_for_tls(*, group: str | None, story: bool, without: Sequence[str] = ()) -> None:
    """Raise Problem for options of the educational handshake that are given for TLS."""
    if without:
        fact = "--without works with the educational handshake only"
        evidence = "OpenSSL can leave out few protections"
        hint = "`tlsdemo protocols` lists what TLS can leave out, such as tls-noverify"
        raise Problem(fact, evidence, hint=hint, code=ExitCode.USAGE)
    for given, option in ((group, "--group"), (story, "--story")):
        if given:
            raise Problem(
                f"{option} works with the educational handshake only",
                "OpenSSL chooses the group and draws the secrets",
                hint="use another --protocol: multiply, dh, signed, ca, mutual",
                code=ExitCode.USAGE,
            )


def educational(claims: Claims, side: Side, *, group: str | None, story: bool, watch: Watch = no_watch) -> Protocol:
    """The protocol for one side. Raises Problem if the group is not possible with these claims."""
    chosen = _group(claims, side, group, story)
    if chosen and not chosen.strong:
        claims -= {Protection.STRONG_GROUP}
    return edu(claims, group=chosen, watch=watch)


def _group(claims: Claims, side: Side, group: str | None, story: bool) -> Group | None:
    agrees = Protection.SECRECY in claims
    multiplies = agrees and Protection.STRONG_GROUP not in claims
    if story and not multiplies:
        raise Problem("--story works with --protocol multiply only", hint="omit --story", code=ExitCode.USAGE)
    if group is None:
        return Multiplication(secret=STORY[side]) if story else None
    if not agrees or multiplies:
        fact = "it multiplies" if multiplies else "it has no key agreement"
        raise Problem(f"--group is not possible on this rung: {fact}", hint="use --protocol dh", code=ExitCode.USAGE)
    return chosen_group(group)


def chosen_group(text: str) -> Group:
    """The group for a value of --group. Raises Problem for an invalid one."""
    try:
        return parse(text)
    except ValueError as error:
        hint = f"{', '.join(NAMES)}; or P:G, for example 23:5, which is weak"
        raise Problem(str(error), hint=hint, code=ExitCode.USAGE) from None


def party(
    credential: Credential | None = None,
    anchors: tuple[x509.Certificate, ...] = (),
    crls: tuple[x509.CertificateRevocationList, ...] = (),
    name: x509.GeneralName | None = None,
) -> Party:
    """A Party with this machine's clock and randomness."""
    return Party(lambda: datetime.now(UTC), token_bytes, credential, anchors, crls, name)
