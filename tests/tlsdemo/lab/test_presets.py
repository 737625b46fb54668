"""The presets as data. Falsehood caught: a client that was told to be careless, or asked for another server.

What real programs do with them is not tested here.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pki.trust import environment
from tlsdemo.lab.presets import NOT_INHERITED, PRESETS, Preset

PROMISED = {
    "curl", "wget", "openssl", "gnutls-cli", "python-urllib", "python-requests", "python-httpx", "python-aiohttp",
    "node", "node-fetch", "java", "go", "ruby", "php", "perl", "git", "chromium",
}  # fmt: skip
OWN = {"{python}", "{dir}"}
KNOWN = {
    "command": {"{url}", "{host}", "{port}", "{ca}", "{sni_url}", *OWN},
    "stdin": {"{url}", "{host}", "{port}", "{ca}", "{sni_url}", *OWN},
    "prepare": {"{ca}", *OWN},
    "version": OWN,
    "environment": OWN,
    "files": set[str](),
}
"""Where a placeholder is replaced; {port} and the like are not known before a case runs."""

CARELESS = re.compile(
    r"""
    --insecure | --no-check-certificate | --tofu | --ignore-certificate-errors | --allow-insecure | -verify_quiet
    | CERT_NONE | unverified | check_hostname | (verify|ssl|verify_ssl)\s*=\s*False
    | rejectUnauthorized | REJECT_UNAUTHORIZED | checkServerIdentity | InsecureSkipVerify
    | TrustManager | HostnameVerifier | VERIFY_NONE | verify_mode | verify_peer | allow_self_signed
    | verify_hostname\W+0 | verify_SSL | SSL_NO_VERIFY | sslVerify | SECLEVEL | unsafe | insecure
    """,
    re.VERBOSE | re.IGNORECASE,
)
STANDARD = {"{python}", "mkdir"}
"""Programs that need not be asked for."""


def words(preset: Preset) -> dict[str, list[str]]:
    """All that a preset says, by the field that says it."""
    return {
        "command": [*preset.command, *preset.to_address],
        "stdin": [preset.stdin],
        "prepare": [word for command in preset.prepare for word in command],
        "version": list(preset.version),
        "environment": list(preset.environment.values()),
        "files": list(preset.files.values()),
    }


def faults(preset: Preset) -> Iterator[str]:
    """What is wrong with a preset."""
    if not (preset.name and preset.version and (preset.needs or preset.command[0] == "{python}")):
        yield "it leaves out who it is"
    for place, said in words(preset).items():
        for word in said:
            unknown = set(re.findall(r"\{\w+\}", word)) - KNOWN[place]
            if unknown:
                yield f"nobody replaces {unknown} in {place}"
            if CARELESS.search(word) or (preset.command[0] == "curl" and re.fullmatch(r"-[A-Za-z]*k[A-Za-z]*", word)):
                yield f"it is told not to look: {word}"
    if any(CARELESS.search(name) for name in preset.environment):
        yield "its environment tells it not to look"
    for command in filter(None, (preset.command, preset.to_address)):
        text = " ".join(command)
        if "{url}" not in text and not ("{host}" in text and "{port}" in text):
            yield "it does not ask for the server of the case"
    if any(not re.fullmatch(r"\w[\w-]*\.\w+", name) for name in preset.files):
        yield "a file has no plain name"
    run = {preset.command[0], preset.version[0], *(command[0] for command in preset.prepare)}
    made = {word for word in words(preset)["prepare"] if word.startswith("{dir}/")}
    if run - set(preset.needs) - STANDARD - made:
        yield "it runs a program that it does not ask for"
    if {"-servername", "--sni-hostname"} & set(preset.to_address or preset.command):
        yield "an address is no server name"
    if preset.environment.keys() & set(NOT_INHERITED):
        yield "it brings in what is taken away"


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_sound(preset: Preset) -> None:
    assert list(faults(preset)) == []


def test_every_promised_client_is_there_under_its_name() -> None:
    assert set(PRESETS) >= PROMISED
    assert all(name == preset.name for name, preset in PRESETS.items())


CARELESSLY = {
    "curl": ("curl", "-sk", "{url}"),
    "wget": ("wget", "--no-check-certificate", "{url}"),
    "gnutls-cli": ("gnutls-cli", "--insecure", "--port", "{port}", "{host}"),
    "python-urllib": ("{python}", "-c", "context=ssl._create_unverified_context()", "{url}"),
    "python-requests": ("{python}", "-c", "requests.get(sys.argv[1], verify=False)", "{url}"),
    "python-httpx": ("{python}", "-c", "context.check_hostname = False", "{url}"),
    "python-aiohttp": ("{python}", "-c", "session.get(sys.argv[1], ssl=False)", "{url}"),
    "node": ("node", "--eval", "get(process.argv[1], {rejectUnauthorized: false})", "{url}"),
    "node-fetch": ("node", "--eval", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0", "{url}"),
    "ruby": ("ruby", "-e", "http.verify_mode = OpenSSL::SSL::VERIFY_NONE", "{url}"),
    "php": ("php", "-r", "['ssl' => ['verify_peer' => false]]", "{url}"),
    "perl": ("perl", "-e", "ssl_opts => {verify_hostname => 0}", "{url}"),
    "perl-http-tiny": ("perl", "-e", "HTTP::Tiny->new(verify_SSL => 0)", "{url}"),
    "git": ("git", "-c", "http.sslVerify=false", "ls-remote", "{url}"),
    "chromium": ("chromium", "--ignore-certificate-errors", "{url}"),
}


@pytest.mark.parametrize("name", CARELESSLY)
def test_a_careless_command_is_found(name: str) -> None:
    assert any("not to look" in fault for fault in faults(replace(PRESETS[name], command=CARELESSLY[name])))


CURL, JAVA = PRESETS["curl"], PRESETS["java"]
UNSOUND = [
    (replace(PRESETS["go"], files={"get.go": "tls.Config{InsecureSkipVerify: true}"}), "not to look"),
    (replace(JAVA, files={"Get.java": "setHostnameVerifier((name, session) -> true)"}), "not to look"),
    (replace(PRESETS["node"], environment={"NODE_TLS_REJECT_UNAUTHORIZED": "0"}), "environment"),
    (replace(CURL, command=("curl", "{uri}", "{url}")), "nobody replaces {'{uri}'} in command"),
    (replace(CURL, version=("curl", "{url}")), "nobody replaces {'{url}'} in version"),
    (replace(JAVA, files={"Get.java": 'new URL("{url}")'}), "nobody replaces {'{url}'} in files"),
    (replace(CURL, command=("curl", "https://localhost/")), "the server of the case"),
    (replace(CURL, to_address=("curl", "https://{host}/")), "the server of the case"),
    (replace(JAVA, files={"../Get.java": ""}), "plain name"),
    (replace(JAVA, needs=("java",)), "does not ask for"),
    (replace(CURL, needs=()), "who it is"),
    (replace(PRESETS["openssl"], to_address=()), "no server name"),
    (replace(PRESETS["openssl"], to_address=PRESETS["openssl"].command), "no server name"),
    (replace(PRESETS["node"], environment={"NODE_OPTIONS": ""}), "what is taken away"),
]


@pytest.mark.parametrize(("preset", "fault"), UNSOUND)
def test_an_unsound_preset_is_found(preset: Preset, fault: str) -> None:
    assert any(fault in found for found in faults(preset))


@pytest.mark.parametrize("preset", [each for each in PRESETS.values() if not each.needs], ids=lambda each: each.name)
def test_lines_of_python_are_python(preset: Preset) -> None:
    for command in (preset.command, preset.version):
        compile(command[command.index("-c") + 1], preset.name, "exec")
    used = {word.strip() for word in re.findall(r"import ([\w., ]+)", preset.command[2])[0].split(",")}
    assert {module.split(".")[0] for module in used} - sys.stdlib_module_names == set(preset.modules)


@pytest.mark.parametrize("preset", [each for each in PRESETS.values() if each.stdin], ids=lambda each: each.name)
def test_what_is_typed_is_a_whole_request(preset: Preset) -> None:
    assert preset.stdin.startswith("GET ")
    assert preset.stdin.endswith("\r\n\r\n")


def test_only_the_strict_one_of_s_client_is_told_to_verify() -> None:
    verifying = {name: [word for word in words(PRESETS[name])["command"] if "verify" in word] for name in PRESETS}
    assert verifying["openssl"] == []
    assert set(verifying["openssl-strict"]) == {"-verify_return_error", "-verify_hostname", "-verify_ip"}


def test_browsers_do_not_share_a_profile_and_connect_to_this_machine_only() -> None:
    chromium = PRESETS["chromium"].command
    assert any(word.startswith("--user-data-dir={dir}/") and "{port}" in word for word in chromium)
    assert any(word.startswith("--host-resolver-rules=MAP * ~NOTFOUND") for word in chromium)
    assert "--no-proxy-server" in chromium


def test_what_is_taken_away_is_not_taken_away_already() -> None:
    assert not set(NOT_INHERITED) & (environment.SET.keys() | environment.UNSET.keys())
    assert list(NOT_INHERITED) == sorted(set(NOT_INHERITED))
