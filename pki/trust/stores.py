"""Where the NSS certificate stores of this user are: Chromium and Firefox. EDGE: reads folders.

    Chromium    ~/.pki/nssdb, if it exists; otherwise $XDG_DATA_HOME/pki/nssdb (from version 146)
    Firefox     one store in each profile, below ~/.mozilla/firefox or $XDG_CONFIG_HOME/mozilla/firefox (from 147)

Snap and Flatpak give a program a home folder of its own, with the same layout. On macOS and Windows Chromium uses the
system's store; only Firefox has NSS there. A store is a folder with the file cert9.db, which only the user can read.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pki.errors import Problem

DATABASE = "cert9.db"
"""The file with the certificates of a store in NSS's current format, `sql:`."""

CHROMIUM = "Chromium, Chrome"
BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "google-chrome-beta", "brave-browser",
    "brave", "microsoft-edge", "microsoft-edge-stable", "vivaldi", "vivaldi-stable", "opera",
)  # fmt: skip
"""Programs that read the store of CHROMIUM."""
SNAPS = {"chromium": "Chromium", "brave": "Brave", "opera": "Opera"}
FLATPAKS = {
    "org.chromium.Chromium": "Chromium",
    "io.github.ungoogled_software.ungoogled_chromium": "ungoogled-chromium",
    "com.google.Chrome": "Chrome",
    "com.brave.Browser": "Brave",
    "com.microsoft.Edge": "Edge",
    "com.vivaldi.Vivaldi": "Vivaldi",
    "com.opera.Opera": "Opera",
}


@dataclass(frozen=True)
class Store:
    """One NSS store: the programs that read it, and its folder."""

    reader: str
    folder: Path

    @property
    def exists(self) -> bool:
        """Whether the folder has a database; a file without content is left by a creation that failed."""
        try:
            return (self.folder / DATABASE).stat().st_size > 0
        except OSError:
            return False


@dataclass(frozen=True)
class Places:
    """The folders of one user that may contain stores."""

    home: Path
    data: Path
    """$XDG_DATA_HOME, by default ~/.local/share."""
    config: Path
    """$XDG_CONFIG_HOME, by default ~/.config."""
    platform: str = sys.platform

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> "Places":
        """The folders of the user who runs the command. Raises Problem if HOME belongs to another user."""
        try:
            home = Path(environment.get("HOME") or Path.home()).absolute()
            owner = home.stat().st_uid
        except (OSError, RuntimeError) as error:
            raise Problem(f"the home folder cannot be read: {error}", hint="set HOME to your home folder") from None
        if owner != os.geteuid():  # `sudo` keeps HOME on some systems; root's files would lock the user out
            raise Problem(
                f"the home folder {home} belongs to user {owner}, but this is user {os.geteuid()}",
                hint="run the command without sudo: browsers read the stores of your own user",
            )
        return cls(
            home,
            _xdg(environment, "XDG_DATA_HOME", home / ".local/share"),
            _xdg(environment, "XDG_CONFIG_HOME", home / ".config"),
        )

    @property
    def chromium(self) -> tuple[Path, ...]:
        """The folders of Chromium's store without Snap and Flatpak, in the order in which Chromium looks."""
        if self.platform == "darwin":
            return ()
        return (self.home / ".pki/nssdb", self.data / "pki/nssdb")

    @property
    def sandboxed_chromium(self) -> tuple[Store, ...]:
        """Stores that a Snap or Flatpak of a Chromium browser may have."""
        if self.platform == "darwin":
            return ()
        snaps = [
            Store(f"{name} (snap)", self.home / "snap" / snap / "current" / place)
            for snap, name in SNAPS.items()
            for place in (".pki/nssdb", ".local/share/pki/nssdb")
        ]
        flatpaks = [
            Store(f"{name} (Flatpak)", self.home / ".var/app" / app / place)
            for app, name in FLATPAKS.items()
            for place in (".pki/nssdb", "data/pki/nssdb")
        ]
        return (*snaps, *flatpaks)

    @property
    def firefox(self) -> tuple[tuple[str, Path], ...]:
        """The folders with Firefox profiles, each with a remark for its name."""
        if self.platform == "darwin":
            return (("", self.home / "Library/Application Support/Firefox/Profiles"),)
        snap, flatpak = self.home / "snap/firefox/common", self.home / ".var/app/org.mozilla.firefox"
        return (
            ("", self.home / ".mozilla/firefox"),
            ("", self.config / "mozilla/firefox"),
            (" (snap)", snap / ".mozilla/firefox"),
            (" (snap)", snap / ".config/mozilla/firefox"),
            (" (Flatpak)", flatpak / ".mozilla/firefox"),
            (" (Flatpak)", flatpak / "config/mozilla/firefox"),
        )

    @property
    def looked_at(self) -> tuple[Path, ...]:
        """The places to name when no store was found."""
        snaps = () if self.platform == "darwin" else (self.home / "snap", self.home / ".var/app")
        return (*self.chromium, *(folder for remark, folder in self.firefox if not remark), *snaps)


def stores(places: Places) -> tuple[Store, ...]:
    """The stores of the user, each folder once. The first may be missing, if a Chromium browser is installed.

    A missing store is ~/.pki/nssdb, which every version of Chromium reads. It is not proposed if the other folder has
    a store: Chromium would no longer read that one.
    """
    found: dict[str, Store] = {}
    for store in _candidates(places):
        found.setdefault(os.path.realpath(store.folder), store)
    return tuple(found.values())


def store_at(places: Places, folder: Path) -> Store | None:
    """The store that this folder is by its place, whether it exists or not; None if browsers do not look there."""
    if folder in places.chromium:
        return Store(CHROMIUM, folder)
    for store in places.sandboxed_chromium:
        if store.folder == folder:
            return store
    for remark, profiles in places.firefox:
        if folder.parent == profiles:
            return _firefox(folder, remark)
    return None


def _candidates(places: Places) -> Iterator[Store]:
    own = [Store(CHROMIUM, folder) for folder in places.chromium]
    existing = [store for store in own if store.exists]
    yield from existing
    if own and not existing and _has_chromium(places):
        yield own[0]
    yield from (store for store in places.sandboxed_chromium if store.exists)
    for remark, folder in places.firefox:
        for database in sorted(folder.glob(f"*/{DATABASE}")):
            yield _firefox(database.parent, remark)


def _firefox(profile: Path, remark: str) -> Store:
    return Store(f"Firefox profile {profile.name}{remark}", profile)


def _has_chromium(places: Places) -> bool:
    settings = ("chromium", "google-chrome", "BraveSoftware", "microsoft-edge", "vivaldi", "opera")
    return any(map(shutil.which, BROWSERS)) or any((places.config / name).is_dir() for name in settings)


def _xdg(environment: Mapping[str, str], name: str, default: Path) -> Path:
    """The folder that an XDG variable names; relative paths are invalid (XDG Base Directory Specification)."""
    value = environment.get(name, "")
    return Path(value) if value.startswith("/") else default
