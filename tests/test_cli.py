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
