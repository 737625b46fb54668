"""Where stores are looked for. Falsehood caught: a browser whose store is overlooked, or one that is shadowed."""

import os
from pathlib import Path

import pytest

from pki.errors import Problem
from pki.trust import stores as looking
from pki.trust.stores import CHROMIUM, DATABASE, Places, Store, store_at, stores


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(looking, "_has_chromium", lambda _: True)
    return tmp_path


def places(home: Path, platform: str = "linux") -> Places:
    return Places(home, home / ".local/share", home / ".config", platform)


def make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / DATABASE).write_bytes(b"x")


FOUND = {
    ".pki/nssdb": CHROMIUM,
    ".local/share/pki/nssdb": CHROMIUM,
    "snap/chromium/current/.pki/nssdb": "Chromium (snap)",
    "snap/chromium/current/.local/share/pki/nssdb": "Chromium (snap)",
    ".var/app/org.chromium.Chromium/.pki/nssdb": "Chromium (Flatpak)",
    ".var/app/com.google.Chrome/data/pki/nssdb": "Chrome (Flatpak)",
    ".mozilla/firefox/ab.default": "Firefox profile ab.default",
    ".config/mozilla/firefox/ab.default": "Firefox profile ab.default",
    "snap/firefox/common/.mozilla/firefox/ab.default": "Firefox profile ab.default (snap)",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/ab.default": "Firefox profile ab.default (Flatpak)",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox/ab.default": "Firefox profile ab.default (Flatpak)",
}


@pytest.mark.parametrize("place", FOUND)
def test_each_place_is_looked_at(home: Path, place: str) -> None:
    make(home / place)
    wanted = Store(FOUND[place], home / place)
    assert wanted in stores(places(home))
    assert store_at(places(home), home / place) == wanted


def test_all_stores_are_found_together(home: Path) -> None:
    make(*(home / place for place in FOUND))
    assert {str(each.folder.relative_to(home)) for each in stores(places(home))} == set(FOUND)


def test_a_missing_store_of_chromium_is_proposed_unless_it_would_shadow_one(home: Path) -> None:
    assert [each.folder for each in stores(places(home))] == [home / ".pki/nssdb"]
    make(home / ".local/share/pki/nssdb")
    assert [each.folder for each in stores(places(home))] == [home / ".local/share/pki/nssdb"]


def test_a_store_that_two_paths_lead_to_is_named_once(home: Path) -> None:
    make(home / ".local/share/pki/nssdb")
    (home / ".pki").symlink_to(home / ".local/share/pki")
    assert [each.folder for each in stores(places(home))] == [home / ".pki/nssdb"]


def test_on_macos_only_firefox_has_stores(home: Path) -> None:
    profile = home / "Library/Application Support/Firefox/Profiles/ab.default"
    make(profile, home / ".pki/nssdb")
    assert stores(places(home, "darwin")) == (Store("Firefox profile ab.default", profile),)


@pytest.mark.parametrize("folder", ["nssdb", ".mozilla/firefox", ".mozilla/firefox/a/b", ".pki"])
def test_other_folders_are_not_stores(home: Path, folder: str) -> None:
    assert store_at(places(home), home / folder) is None


def test_xdg_folders_must_be_absolute(home: Path) -> None:
    found = Places.of_user({"HOME": str(home), "XDG_DATA_HOME": "relative", "XDG_CONFIG_HOME": str(home / "settings")})
    assert (found.data, found.config) == (home / ".local/share", home / "settings")


def test_a_home_that_does_not_exist_is_said(home: Path) -> None:
    with pytest.raises(Problem, match="home folder cannot be read"):
        Places.of_user({"HOME": str(home / "missing")})


def test_the_home_of_this_user_is_accepted(home: Path) -> None:
    assert home.stat().st_uid == os.geteuid()
    assert Places.of_user({"HOME": str(home)}).home == home
