"""HTML made of elements: whatever is put into one is text, unless it was made here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

from streams.times import utc

__all__ = ["Child", "Markup", "date", "element", "page", "picture", "section", "table"]

_VOID = frozenset({"meta", "img", "br"})
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Of Content Security Policy Level 3: no script, no font, no other place, whatever stands in it."""


class Markup(str):
    """HTML that may stand in a page as it is; only `element` makes it."""

    __slots__ = ()


Child: TypeAlias = "str | None"


def element(name: str, /, *children: Child, **attributes: str | None) -> Markup:
    """An element; a `str` that is no `Markup` is escaped, None is left out.

    Args:
        name: of the tag, from code only.
        children: in order.
        attributes: names from code only, with ``_`` for ``-`` and none behind ``class_``.

    >>> element("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{told}>")
    inside = "".join(
        child if isinstance(child, Markup) else escape(child)
        for child in children
        if child is not None
    )
    return Markup(f"<{name}{told}>{inside}</{name}>")


def section(title: str, *children: Child) -> Markup:
    """A part with a heading."""
    return element("section", element("h2", title), *children)


def table(head: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    """A table that scrolls by itself where the page is narrow."""
    body = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", *(element("th", name) for name in head))),
            element("tbody", *body),
        ),
        class_="scroll",
    )


def picture(svg: str, told: str) -> Markup:
    """An SVG as an image of its own: its ids clash with no others', and nothing in it can run."""
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return element("img", src=source, alt=told)


def date(seconds: float) -> str:
    """A moment since 1970 as text, also one that no calendar has."""
    when = utc(1000 * seconds)
    return f"{seconds:.0f} s since 1970" if when is None else f"{when:%Y-%m-%d %H:%M}"


def page(title: str, style: str, *children: Child) -> str:
    """A whole document that loads nothing and runs nothing.

    Args:
        title: as text.
        style: a style sheet, from code only.
        children: of its body.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', *children), lang='en')}\n"
