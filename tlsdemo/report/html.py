"""Renders a template and its style as one self-contained page, without requests.

jinja2 escapes all text; `printable` has escaped its control characters before. Text may come from the wire, from a
certificate or from a tested program. The page's policy allows its style and its script, by hash, and no other content.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pki.errors import printable

GENERATOR = "tlsdemo"
TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *styles: str, script: str = "", **values: object) -> str:
    """The page. The template gets `style`, `script`, `policy` and `generator`, and the values.

    `styles` and `script` are names of files beside the template.
    """
    environment = _environment()
    loader = environment.loader
    assert loader
    style = "\n".join(loader.get_source(environment, name)[0] for name in styles)
    code = loader.get_source(environment, script)[0] if script else ""
    policy = f"default-src 'none'; style-src {_hash_source(style)}"
    return environment.get_template(template).render(
        style=Markup(style),  # our own files, with their hashes in the policy
        script=Markup(code),
        generator=GENERATOR,
        policy=f"{policy}; script-src {_hash_source(code)}" if code else policy,
        **values,
    )


def macro(template: str, name: str) -> Callable[..., Markup]:
    """A macro of a template: a part of a page, rendered alone. It sees its arguments and no other values."""
    found: Callable[..., Markup] = getattr(_environment().get_template(template).module, name)
    return found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(str(value)),
    )
    environment.globals["amount"] = amount
    return environment


def amount(count: int, unit: str = "byte") -> str:
    """`1 byte`, `2,048 bytes`; for the templates."""
    return f"{count:,} {unit}{'s' * (count != 1)}"


def _hash_source(content: str) -> str:
    """The source expression of Content Security Policy that allows this inline content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def is_ours(content: bytes) -> bool:
    """Whether `render` made this file."""
    mark = f'<meta name="generator" content="{GENERATOR}">'.encode()
    return content.startswith(b"<!doctype html>") and mark in content[:1000]
