"""What the command line says to somebody who does not know it yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import cli

SPAM = str(Path(__file__).parent.parent / "examples" / "spam.py")


@pytest.mark.parametrize(
    ("typed", "told"), [("chek", "Did you mean check?"), ("xyzzy", "No such command 'xyzzy'.")]
)
def test_a_command_that_is_none_is_told_the_nearest_one_if_there_is_one(typed, told):
    done = CliRunner().invoke(cli, [typed])
    assert done.exit_code == 2
    assert done.output.strip().endswith(told)


def test_a_replay_says_why_records_were_turned_away(tmp_path):
    rows = [{"text": "win a prize", "spam": True}, {"text": 7, "spam": False}]
    path = tmp_path / "messages.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(cli, ["replay", SPAM, "--events", str(path), "--json"])
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["events"], told["dead_letters"]) == (1, 1)
    assert told["turned_away"] == "schema: Expected `str`, got `int` - at `$.text`"


@pytest.mark.parametrize("command", ["replay", "report", "what-if"])
def test_a_file_with_decimal_commas_is_told_with_the_option_that_reads_it(tmp_path, command):
    file, csv = tmp_path / "shop.py", tmp_path / "e.csv"
    file.write_text(
        "from models import Logistic, Number\n"
        "from streams import Event, Pipeline, Threshold, Topic\n\n\n"
        "class Order(Event, frozen=True):\n    price: float\n    back: bool\n\n\n"
        "pipeline = Pipeline(name='shop', events=Topic('orders', schema=Order), labels='back',\n"
        "    features=[Number('price')], model=Logistic(bits=4), decide=Threshold(0.5))\n"
    )
    csv.write_text("price;back\n" + "12,5;yes\n3,25;no\n" * 20)
    page = ["--to-file", str(tmp_path / "page.html")] if command == "report" else []
    tried = ["--threshold", "0.5", "--after", "1s"] if command == "what-if" else []
    typed = [command, str(file), "--events", str(csv), *page, *tried]
    done = CliRunner().invoke(cli, typed)
    assert "40 records malformed, turned away" in done.output
    assert "price '12,5' is no float; it would be one with --decimal ," in done.output
    done = CliRunner().invoke(cli, [*typed, "--decimal", ","])
    assert done.exit_code == 0, done.output
    assert "malformed" not in done.output
