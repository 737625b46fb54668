"""Which recipes of `pki.trust.recipes` fit the system that runs. EDGE: looks for programs."""

import shutil
import sys
from collections.abc import Sequence

from pki.trust.recipes import RECIPES, Recipe

PROGRAMS = {"update-ca-certificates": "Debian, Ubuntu", "update-ca-trust": "Fedora, RHEL"}
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"  # a user's PATH may lack sbin


def recipes_of_this_system(file: str, subject: str) -> Sequence[Recipe]:
    """The recipes for the system's store and for Java, with this root; for an unknown Linux those of all systems."""
    if sys.platform == "darwin":
        wanted = ["macOS"]
    else:
        known = [name for program, name in PROGRAMS.items() if shutil.which(program, path=SYSTEM_PATH)]
        wanted = known or list(PROGRAMS.values())
    chosen = [each for each in RECIPES if each.where.startswith(tuple(wanted)) or each.where == "Java"]
    return [each.given(file, subject) for each in chosen]
