"""Renders a template and its style as one self-contained page, without scripts and requests.

jinja2 escapes all text; `printable` has escaped its control characters before. Text may come from the wire, from a
certificate or from a tested program. The page's policy allows its style, by hash, and no other content.
"""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pki.errors import printable

GENERATOR = "tlsdemo"
TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *styles: str, **values: object) -> str:
    """The page. The template gets `style`, `policy` and `generator` for its head, and the values."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(str(value)),
    )
    loader = environment.loader
    assert loader
    style = "\n".join(loader.get_source(environment, name)[0] for name in styles)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(
        style=Markup(style),  # our own file, with the hash in the policy
        generator=GENERATOR,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        **values,
    )


def is_ours(content: bytes) -> bool:
    """Whether `render` made this file."""
    mark = f'<meta name="generator" content="{GENERATOR}">'.encode()
    return content.startswith(b"<!doctype html>") and mark in content[:1000]
