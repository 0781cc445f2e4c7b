"""Whatever is put into an element is text: nobody's data becomes part of the page."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from streams.markup import Markup, date, element, page, picture, table

NASTY = st.sampled_from(
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onload='x", "</style>",
     "]]>", "<!--", "&lt;", "\x00", "javascript:alert(1)", "</title>"]
)  # fmt: skip
TEXT = st.one_of(NASTY, st.text())


class Reader(HTMLParser):
    """What a browser would find: tags, attributes and text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@given(TEXT, TEXT)
def test_children_and_attributes_come_back_as_they_went_in(child, value):
    read = Reader(element("p", child, alt=value))
    assert read.tags == ["p"]
    assert read.attributes == [("alt", value)]
    assert read.text == child


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_a_table_of_anything_has_only_the_tags_of_a_table(cells):
    read = Reader(table(cells, [cells]))
    assert set(read.tags) == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert read.text == "".join(cells) * 2


@given(TEXT)
def test_a_title_stays_in_its_element_and_the_page_may_load_nothing(title):
    made = page(title, "p { margin: 0 }", element("p", title))
    read = Reader(made)
    assert read.tags == ["html", "head", *["meta"] * 4, "title", "style", "body", "p"][:10]
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in (
        read.attributes
    )


def test_what_elements_made_is_not_escaped_again():
    assert element("p", element("b", "1 < 2"), None) == "<p><b>1 &lt; 2</b></p>"
    assert isinstance(element("p"), Markup)


def test_a_picture_is_an_image_of_its_own():
    made = Reader(picture("<svg><script>alert(1)</script></svg>", "curve"))
    assert made.tags == ["img"]
    assert dict(made.attributes)["src"].startswith("data:image/svg+xml;base64,")


def test_a_date_that_no_calendar_has_is_told_in_seconds():
    assert date(0) == "1970-01-01 00:00"
    assert date(1e18) == "1000000000000000000 s since 1970"
