"""Tests of streams.pending: where what waits is kept is settled before a worker begins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shop_pipelines import PIPELINES

from streams.errors import SettingsError
from streams.pending import check_pending, spill_of, waiting
from streams.settings import Settings


def test_without_a_directory_all_of_it_is_in_memory():
    assert spill_of(Settings()) is None
    check_pending(PIPELINES["river-tree"], Settings())


def test_a_directory_that_holds_it_is_taken_and_nothing_is_left_there(tmp_path):
    check_pending(PIPELINES["adagrad"], Settings(pending_directory=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_hold_it_is_refused_with_what_to_write(tmp_path):
    nowhere = Settings(pending_directory=str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="No such file") as refused:
        check_pending(PIPELINES["adagrad"], nowhere)
    assert "--pending-directory" in refused.value.write
    small = Settings(pending_directory=str(tmp_path), pending_memory=1 << 60)
    with pytest.raises(SettingsError, match="it would hold less than memory does"):
        check_pending(PIPELINES["adagrad"], small)


def test_dicts_are_in_memory_so_with_an_estimator_of_rivers_the_setting_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="reads dicts"):
        check_pending(PIPELINES["river-tree"], Settings(pending_directory=str(tmp_path)))


def test_what_an_event_takes_that_waits_is_known_beforehand():
    plain, asked = waiting(PIPELINES["adagrad"]), waiting(PIPELINES["label-rates"])
    assert plain is not None
    assert asked is not None
    assert plain.entry == asked.entry
    assert asked.row > plain.row
    sources = waiting(PIPELINES["sources"])
    assert sources is not None
    assert sources.entry == 2 * plain.entry
    assert waiting(PIPELINES["river-tree"]) is None
    assert waiting(PIPELINES["label-in-the-event"]) is None


def test_where_it_is_kept_is_no_part_of_the_fingerprint():
    assert "pending" not in str(replace(PIPELINES["adagrad"]).described)
