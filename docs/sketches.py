"""Draws the pictures of `docs/concepts.md`: `python -m docs.sketches` writes all of them.

Each is an SVG with a ground of its own, so that it can be read on a page of any colour, and follows
the reader's choice of light or dark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / "pictures"
WIDTH = 720

_STYLE = """
  rect.ground { fill: #ffffff; stroke: #d0d7de; }
  rect { fill: #eef2f6; stroke: #57606a; }
  rect.ours { fill: #dbeafe; stroke: #1d4ed8; }
  rect.kept { fill: #dcfce7; stroke: #15803d; }
  rect.late { fill: #fef3c7; stroke: #b45309; }
  rect.frame { fill: none; stroke: #1d4ed8; stroke-dasharray: 5 4; }
  line, path { stroke: #57606a; stroke-width: 1.5; fill: none; }
  marker path { fill: #57606a; stroke: none; }
  text { fill: #1f2328; font: 13px system-ui, sans-serif; text-anchor: middle; }
  text.left { text-anchor: start; }
  text.note { fill: #57606a; font-size: 12px; }
  @media (prefers-color-scheme: dark) {
    rect.ground { fill: #161b22; stroke: #30363d; }
    rect { fill: #21262d; stroke: #8b949e; }
    rect.ours { fill: #16294d; stroke: #60a5fa; }
    rect.kept { fill: #12301d; stroke: #4ade80; }
    rect.late { fill: #3a2a0a; stroke: #fbbf24; }
    rect.frame { stroke: #60a5fa; }
    line, path { stroke: #8b949e; }
    marker path { fill: #8b949e; }
    text { fill: #e6edf3; }
    text.note { fill: #9da7b3; }
  }
"""


class Sketch:
    """Boxes, arrows and words.

    Args:
        title: what a reader hears who does not see it.
        height: in pixels, as everything.
    """

    def __init__(self, title: str, height: int) -> None:
        self._lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-label="{title}">',
            f"<style>{_STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
            f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" '
            'rx="8"/>',
        ]

    def box(
        self, x: int, y: int, width: int, words: str = "", kind: str = "", height: int = 30
    ) -> None:
        """A box with a line of words in its middle."""
        self._lines.append(
            f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>'
        )
        if words:
            self.words(x + width // 2, y + height // 2 + 4, words)

    def cells(self, x: int, y: int, words: Sequence[str], width: int = 34, kind: str = "") -> None:
        """Boxes in a row: a log."""
        for place, word in enumerate(words):
            self.box(x + place * width, y, width, word, kind)

    def arrow(self, x: int, y: int, to_x: int, to_y: int) -> None:
        """A straight one."""
        self._lines.append(
            f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" marker-end="url(#tip)"/>'
        )

    def words(self, x: int, y: int, words: str, kind: str = "") -> None:
        """A line of text; `kind` is any of "left" and "note"."""
        self._lines.append(f'<text class="{kind}" x="{x}" y="{y}">{words}</text>')

    def note(self, y: int, words: str) -> None:
        """A sentence below the picture."""
        self.words(20, y, words, "left note")

    def __str__(self) -> str:
        return "\n".join([*self._lines, "</svg>", ""])


def slices() -> Sketch:
    """A log, and what two fetches cut off it."""
    sketch = Sketch("One fetch brings all records that are there: a slice of the log", 165)
    sketch.words(20, 34, "a partition of the events topic", "left")
    sketch.cells(20, 48, [str(offset) for offset in range(17, 37)])
    sketch.box(16, 43, 242, kind="frame", height=40)
    sketch.box(258, 43, 306, kind="frame", height=40)
    sketch.words(137, 104, "a slice: columns of 17 … 23")
    sketch.words(411, 104, "the next one: 24 … 32")
    sketch.words(636, 104, "not fetched yet", "note")
    sketch.note(144, "Cut elsewhere, the answers are the same, to the bit.")
    return sketch


def task() -> Sketch:
    """What goes into a task, and what comes out."""
    sketch = Sketch("A task: records in, answers and state out, and nothing else", 235)
    sketch.box(20, 40, 130, "events")
    sketch.box(20, 90, 130, "labels", "late")
    sketch.box(250, 20, 220, kind="ours", height=150)
    steps = ("decode", "join labels", "encode", "score, learn, in order", "decide, measure")
    for line, words in enumerate(steps):
        sketch.words(360, 46 + 26 * line, words)
    for line, words in enumerate(("predictions", "dead letters", "state")):
        sketch.arrow(470, 55 + 50 * line, 568, 55 + 50 * line)
        sketch.box(570, 40 + 50 * line, 130, words, "kept")
    sketch.arrow(150, 55, 248, 55)
    sketch.arrow(150, 105, 248, 105)
    sketch.note(198, "No clock, no network, no unseeded chance.")
    sketch.note(216, "So the same records give the same answers, whenever they are read.")
    return sketch


def transaction() -> Sketch:
    """What is committed together."""
    sketch = Sketch("One transaction holds all that a stretch of the input brought about", 170)
    sketch.box(20, 64, 120, "a task", "ours")
    sketch.arrow(140, 79, 178, 79)
    sketch.box(180, 30, 400, kind="frame", height=98)
    sketch.words(380, 22, "one transaction of one partition")
    for place, words in enumerate(("predictions", "dead letters", "journal")):
        sketch.box(195 + 126 * place, 42, 118, words, "kept")
    for place, words in enumerate(("image, when due", "consumed offsets")):
        sketch.box(195 + 189 * place, 86, 181, words, "kept")
    sketch.arrow(580, 79, 618, 79)
    sketch.words(664, 74, "all of it")
    sketch.words(664, 92, "or nothing")
    sketch.note(154, "Who reads committed records sees each answer once.")
    return sketch


def journal() -> Sketch:
    """Two logs, and the order in which they were read."""
    sketch = Sketch("The journal says in which order several topics were read", 195)
    sketch.words(20, 36, "events", "left")
    sketch.cells(110, 16, [f"e{place}" for place in range(1, 9)])
    sketch.words(20, 82, "labels", "left")
    sketch.cells(110, 62, ["l1", "l2", "l3"], kind="late")
    sketch.words(20, 134, "journal", "left")
    for place, words in enumerate(("events to e3", "labels to l2", "events to e8", "labels to l3")):
        sketch.box(110 + 148 * place, 114, 140, words, "kept")
    sketch.note(176, "Kafka keeps order within a partition. The journal keeps that of two logs.")
    return sketch


def image() -> Sketch:
    """How a state is found again."""
    sketch = Sketch("Image, journal and logs give the state after a crash", 195)
    sketch.words(20, 36, "log", "left")
    sketch.box(80, 16, 260, "inside the image", "kept")
    sketch.box(340, 16, 160, "computed again", "ours")
    sketch.box(500, 16, 140, "new")
    sketch.arrow(340, 84, 340, 50)
    sketch.words(340, 100, "newest image that can be used")
    sketch.arrow(500, 84, 500, 50)
    sketch.words(560, 100, "committed offsets")
    sketch.note(138, "Up to the image: read back and checked.")
    sketch.note(
        156, "From there to what was committed: computed in the journal's order, not published."
    )
    sketch.note(174, "Then it goes on, and publishes.")
    return sketch


def maturity() -> Sketch:
    """When a label is learned."""
    sketch = Sketch("A label is learned when events reach its date, silence after a while", 225)
    sketch.words(20, 34, "event time", "left note")
    sketch.arrow(110, 30, 700, 30)
    sketch.box(120, 56, 84, "A scored", "ours")
    sketch.arrow(204, 71, 368, 71)
    sketch.box(370, 56, 210, "a complaint: A learned as 1", "late")
    sketch.box(200, 118, 84, "B scored", "ours")
    sketch.arrow(284, 133, 580, 133)
    sketch.words(432, 124, "nobody complains for matures_after", "note")
    sketch.box(582, 118, 118, "B learned as 0", "kept")
    sketch.note(
        186, "Time is that of the events: a backlog, a replay and live traffic learn the same."
    )
    sketch.note(204, "What waits is kept with the features it was scored with.")
    return sketch


def mixing() -> Sketch:
    """Learners that tell each other what they learned."""
    sketch = Sketch("Partitions tell each other what they learned, on one topic in one order", 210)
    for place in range(3):
        y = 24 + 52 * place
        sketch.box(20, y, 110, f"partition {place}")
        sketch.arrow(130, y + 15, 188, y + 15)
        sketch.box(190, y, 110, "learner", "ours")
        sketch.arrow(300, y + 15, 418, 91 + 8 * (place - 1))
    sketch.cells(420, 76, ["Δ0", "Δ2", "Δ1", "Δ0"], 42, "kept")
    sketch.words(504, 66, "deltas: one partition, one order")
    sketch.arrow(588, 91, 640, 91)
    sketch.words(674, 88, "read by")
    sketch.words(674, 104, "all")
    sketch.note(
        192, "Who has read the deltas up to one place has the same mixed model, to the bit."
    )
    return sketch


SKETCHES: Mapping[str, Callable[[], Sketch]] = {
    "slices": slices,
    "task": task,
    "transaction": transaction,
    "journal": journal,
    "image": image,
    "maturity": maturity,
    "mixing": mixing,
}


if __name__ == "__main__":
    for name, draw in SKETCHES.items():
        (FOLDER / f"concept-{name}.svg").write_text(str(draw()))
