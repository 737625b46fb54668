"""How trust stores get a root CA, and how it is removed again. Text alone: nothing here changes a store.

Each program that reads no environment variable has a trust store. `pki env`, the lab's index page and pki/README.md
print these recipes.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ALIAS = "tlsdemo"
"""The name of the root in a store, where the store lets the user choose it."""


@dataclass(frozen=True)
class Recipe:
    """The steps for one trust store. Steps are shell commands, or the path through the menus of a browser."""

    where: str
    add: tuple[str, ...]
    remove: tuple[str, ...]
    are_commands: bool = True

    def given(self, file: str, subject: str) -> "Recipe":
        """The recipe for the root in this PEM file, with this common name."""
        if not self.are_commands:
            return self
        values = {"file": shlex.quote(file), "subject": shlex.quote(subject), "alias": ALIAS}
        add, remove = (tuple(each.format(**values) for each in steps) for steps in (self.add, self.remove))
        return Recipe(self.where, add, remove)


RECIPES: Sequence[Recipe] = (
    Recipe(
        "Debian, Ubuntu",
        ("sudo cp {file} /usr/local/share/ca-certificates/{alias}.crt", "sudo update-ca-certificates"),
        ("sudo rm /usr/local/share/ca-certificates/{alias}.crt", "sudo update-ca-certificates --fresh"),
    ),
    Recipe(
        "Fedora, RHEL",
        ("sudo cp {file} /etc/pki/ca-trust/source/anchors/{alias}.pem", "sudo update-ca-trust"),
        ("sudo rm /etc/pki/ca-trust/source/anchors/{alias}.pem", "sudo update-ca-trust"),
    ),
    Recipe(
        "macOS; Safari, Chrome and Edge there",
        ("security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {file}",),
        ("security delete-certificate -t -c {subject}",),
    ),
    Recipe(
        "Chromium, Chrome on Linux",
        ('certutil -A -d "sql:$HOME/.pki/nssdb" -t C,, -n {alias} -i {file}',),
        ('certutil -D -d "sql:$HOME/.pki/nssdb" -n {alias}',),
    ),
    Recipe(
        "Firefox",
        ("Settings, Privacy & Security, View Certificates, Authorities, Import",),
        ("Settings, Privacy & Security, View Certificates, Authorities, Delete or Distrust",),
        are_commands=False,
    ),
    Recipe(
        "Java",
        ("keytool -importcert -cacerts -storepass changeit -noprompt -alias {alias} -file {file}",),
        ("keytool -delete -cacerts -storepass changeit -alias {alias}",),
    ),
    Recipe(
        "Java, one program",
        (
            "keytool -importcert -keystore trust.p12 -storepass changeit -noprompt -alias {alias} -file {file}",
            "java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit ...",
        ),
        ("rm trust.p12",),
    ),
)


def lines(file: str, subject: str) -> Iterator[str]:
    """The recipes for the root in `file`, one step on each line."""
    yield "Other programs read a trust store. To add this CA to one, and to remove it again:"
    for recipe in RECIPES:
        given = recipe.given(file, subject)
        yield f"  {given.where}"
        for heading, steps in (("add", given.add), ("remove", given.remove)):
            for number, step in enumerate(steps):
                yield f"    {'' if number else heading:<8}{step}"
    yield "Restart the program afterwards. Until the CA is removed, its private key can impersonate every host to it."


def markdown(file: str, subject: str) -> Iterator[str]:
    """The recipes as a Markdown table."""
    yield "| where | add | remove |"
    yield "|---|---|---|"
    for recipe in RECIPES:
        given = recipe.given(file, subject)
        cells = (_joined(steps, given.are_commands) for steps in (given.add, given.remove))
        yield f"| {given.where} | {' | '.join(cells)} |"


def _joined(steps: Sequence[str], are_commands: bool) -> str:
    return ", then ".join(f"`{each}`" if are_commands else each for each in steps)
