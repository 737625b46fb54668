"""A template and its style as one self-contained page: no script, no request, nothing but text, lines and links.

All text is escaped by jinja2, and its control characters are written out first: it may come from the wire, out of a
certificate, or from a program that is being tested. The policy allows the style by its hash, and nothing else.
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
    """The HTML of a template, in which `style` and `policy` stand for what belongs into its head."""
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
        style=Markup(style),  # our own file, under the hash that stands in the policy
        generator=GENERATOR,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        **values,
    )


def is_ours(content: bytes) -> bool:
    """Whether a file is a page that `render` made."""
    mark = f'<meta name="generator" content="{GENERATOR}">'.encode()
    return content.startswith(b"<!doctype html>") and mark in content[:1000]
