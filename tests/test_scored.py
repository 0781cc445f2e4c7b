from hypothesis import given
from hypothesis import strategies as st

from streams.image import plain
from streams.scored import Scored

WINDOW = 4_096 * 3


def filled(sizes, dropping=True):
    """Answers to rows 0, 1, …, given in batches; after each, all but the last 100 are dropped."""
    scored, total = Scored(), 0
    for size in sizes:
        rows = range(total, total + size)
        scored.append(
            [row / 2 for row in rows], [row % 3 == 0 for row in rows], list(map(float, rows))
        )
        total += size
        if dropping:
            scored.drop_before(max(0, total - 100))
    return scored, total


def test_answers_are_found_by_the_number_of_their_row():
    scored, total = filled([WINDOW, 50, WINDOW])
    rows = [total - 1, total - 100, total - 7]
    score, decision, at = scored.of(rows)
    assert score.tolist() == [row / 2 for row in rows]
    assert decision == [row % 3 == 0 for row in rows]
    assert at.tolist() == rows


def test_what_is_dropped_is_given_back():
    scored, _ = filled([500] * 100)
    assert len(scored.score) < 2 * 4_096 + 1_000


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=6))
def test_the_state_does_not_tell_in_which_batches_the_answers_came(sizes):
    cut, total = filled(sizes)
    whole, _ = filled([total])
    first = max(0, total - 100)
    assert str(cut.state(first)) == str(whole.state(first))


def test_a_restored_window_goes_on_like_the_one_it_was_made_of():
    scored, total = filled([WINDOW])
    copy = Scored()
    copy.restore(plain(scored.state(total - 100)))
    for window in (scored, copy):
        window.append([7.0], [None], [8.0])
    assert str(copy.of([total, total - 100])) == str(scored.of([total, total - 100]))
    assert str(copy.state(total - 50)) == str(scored.state(total - 50))
