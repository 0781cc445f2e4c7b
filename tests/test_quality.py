"""Quality is a function of the sequence of labels, adds up, and agrees with River."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import metrics

from models.quality import ClassCount, Quality, QualityError

KINDS = ["binary", "anomaly", "multiclass", "regression"]
law = settings(deadline=None)  # a first example compiles


@st.composite
def labelled(draw, kind=None, max_size=60):
    """A kind, and rows of score, decision, target and delay of that kind."""
    kind = kind or draw(st.sampled_from(KINDS))
    probability = st.floats(0, 1)
    score = st.just(math.nan) | (probability if kind in ("binary", "multiclass") else finite)
    classes = st.sampled_from(["a", "b", "c", 4]) if kind == "multiclass" else st.booleans()
    target = st.floats(-1e6, 1e6) if kind == "regression" else classes
    decision = st.just(None) if kind == "regression" else st.none() | classes
    delay = st.just(math.nan) | st.floats(-10, 1e8)
    rows = st.lists(st.tuples(score, decision, target, delay), max_size=max_size)
    return kind, draw(rows)


finite = st.floats(-1e12, 1e12)


def feed(quality, rows):
    score, decision, target, delay = zip(*rows, strict=True) if rows else ((), (), (), ())
    quality.update(np.array(score, np.float64), decision, target, np.array(delay, np.float64))
    return quality


def measured(kind, rows, **settings):
    return feed(Quality(kind, **settings), rows)


def frozen(tree):
    """A tree as a value in which every bit counts."""
    if isinstance(tree, Mapping):
        return tuple((name, frozen(branch)) for name, branch in tree.items())
    if isinstance(tree, np.ndarray):
        return tree.dtype.str, tree.shape, tree.tobytes()
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return tuple(map(frozen, tree))
    return type(tree), repr(tree)


@law
@given(labelled(), st.lists(st.integers(0, 60)))
def test_any_cut_into_slices_leaves_the_same_bits(labels, cuts):
    kind, rows = labels
    sliced = Quality(kind, window=7)
    for start, stop in pairwise(sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})):
        feed(sliced, rows[start:stop])
    assert frozen(sliced.state()) == frozen(measured(kind, rows, window=7).state())


@law
@given(labelled(), st.integers(0, 60))
def test_a_restored_state_goes_on_as_the_original(labels, cut):
    kind, rows = labels
    restored = Quality(kind, window=7)
    restored.restore(measured(kind, rows[:cut], window=7).state())
    feed(restored, rows[cut:])
    whole = measured(kind, rows, window=7)
    assert frozen(restored.state()) == frozen(whole.state())
    assert frozen(restored.summary()) == frozen(whole.summary())


@law
@given(st.sampled_from(KINDS), st.data())
def test_merged_partitions_count_what_one_would_have_counted(kind, data):
    _, ours = data.draw(labelled(kind))
    _, theirs = data.draw(labelled(kind))
    merged = measured(kind, ours)
    merged.merge(measured(kind, theirs))
    together = measured(kind, ours + theirs)
    # The label before the first one is the only thing another partition does not know.
    sequential = {"no_change_accuracy", "no_change_average_precision", "no_change_mae"}
    figures = merged.summary()
    for name, figure in together.summary().items():
        if name.removeprefix("window_") not in sequential:
            assert frozen(figures[name]) == frozen(figure), name
    assert merged.classes() == together.classes()


def test_a_state_does_not_change_with_the_quality_it_was_taken_from():
    quality = measured("binary", [(0.5, True, True, 1.0)])
    state = quality.state()
    before = frozen(state)
    feed(quality, [(0.5, True, True, 1.0)])
    assert frozen(state) == before


def test_no_state_or_figure_of_another_kind_is_taken_over():
    with pytest.raises(QualityError, match="a binary model, this pipeline has a regression one"):
        Quality("regression").restore(Quality("binary").state())
    with pytest.raises(QualityError, match="binary quality cannot take in regression quality"):
        Quality("binary").merge(Quality("regression"))


@law
@given(labelled("binary"))
def test_binary_figures_equal_rivers(labels):
    _, rows = labels
    accuracy, precision, recall, f1 = (
        metrics.Accuracy(),
        metrics.Precision(),
        metrics.Recall(),
        metrics.F1(),
    )
    log_loss = metrics.LogLoss()
    for score, decision, target, _ in rows:
        if decision is not None:
            for metric in (accuracy, precision, recall, f1):
                metric.update(target, decision)
        if not math.isnan(score):
            log_loss.update(target, score)
    summary = measured("binary", rows).summary()
    if summary["decided"]:
        assert summary["accuracy"] == accuracy.get()
        for name, metric in {"precision": precision, "recall": recall, "f1": f1}.items():
            assert np.nan_to_num(summary[name]) == pytest.approx(metric.get(), abs=1e-12)
    if summary["answered"]:
        assert summary["log_loss"] == pytest.approx(log_loss.get(), rel=1e-9, abs=1e-12)


@law
@given(labelled("multiclass"))
def test_multiclass_accuracy_equals_rivers(labels):
    _, rows = labels
    accuracy, balanced = metrics.Accuracy(), metrics.BalancedAccuracy()
    decided = [(target, decision) for _, decision, target, _ in rows if decision is not None]
    for target, decision in decided:
        accuracy.update(target, decision)
        balanced.update(target, decision)
    summary = measured("multiclass", rows).summary()
    assert summary["decided"] == len(decided)
    if decided:
        assert summary["accuracy"] == accuracy.get()
    if decided and {decision for _, decision in decided} <= {target for target, _ in decided}:
        assert summary["balanced_accuracy"] == pytest.approx(balanced.get(), abs=1e-12)


@law
@given(labelled("regression"))
def test_regression_figures_equal_rivers(labels):
    _, rows = labels
    mae, rmse = metrics.MAE(), metrics.RMSE()
    answered = [(target, score) for score, _, target, _ in rows if not math.isnan(score)]
    for target, score in answered:
        mae.update(target, score)
        rmse.update(target, score)
    summary = measured("regression", rows).summary()
    if answered:
        assert summary["mae"] == pytest.approx(mae.get(), rel=1e-9, abs=1e-9)
        assert summary["rmse"] == pytest.approx(rmse.get(), rel=1e-9, abs=1e-9)


def test_the_no_change_baseline_is_ranked_like_a_score():
    target = (np.random.default_rng(6).random(500) < 0.4).astype(int)
    target[100:200] = target[200:300] = 1
    quality, baseline = Quality("binary"), Quality("binary")
    quality.update(np.full(500, 0.5), None, target)
    baseline.update(target[:-1].astype(float), None, target[1:])
    figure = quality.summary()["no_change_average_precision"]
    assert figure == baseline.summary()["average_precision"]


def test_r2_keeps_its_digits_where_the_mean_dwarfs_the_spread():
    rng = np.random.default_rng(11)
    spread, noise = rng.normal(size=1000), rng.normal(size=1000) / 3
    target = 1e9 + spread
    rows = [(t + e, None, t, 0.0) for t, e in zip(target.tolist(), noise.tolist(), strict=True)]
    error = np.array([row[0] for row in rows]) - target
    exact = 1 - np.sum(error**2) / np.sum((target - 1e9 - np.mean(target - 1e9)) ** 2)
    assert measured("regression", rows).summary()["r2"] == pytest.approx(exact, rel=1e-9)


def test_the_smallest_and_largest_numbers_have_figures():
    for target in (5e-324, 1e-160, 1e150):
        rows = [(0.0, None, target, 0.0), (1e150, None, -target, 0.0)]
        summary = measured("regression", rows).summary()
        assert summary["mae"] > 0.0


def test_a_score_that_is_no_answer_is_counted_and_judged_nowhere():
    rows = [(math.nan, None, True, 1.0), (math.inf, None, False, 1.0), (0.8, True, True, 1.0)]
    summary = measured("binary", rows).summary()
    assert (summary["labels"], summary["answered"], summary["decided"]) == (3, 1, 1)
    assert summary["base_rate"] == 2 / 3
    assert summary["brier"] == pytest.approx(0.04)


def test_baselines_stand_beside_the_figures():
    targets = [1, 1, 1, 0, 0, 1, 1, 1]
    rows = [(0.5, None, target, 0.0) for target in targets]
    summary = measured("binary", rows).summary()
    assert summary["majority_accuracy"] == 6 / 8
    assert summary["no_change_accuracy"] == 5 / 7
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert summary["prior_log_loss"] == pytest.approx(entropy)
    steps = measured("regression", [(0.0, None, float(y), 0.0) for y in (1, 4, 2)]).summary()
    assert steps["no_change_mae"] == 2.5
    assert steps["mean_rmse"] == pytest.approx(np.std([1, 4, 2]))


def test_a_constant_score_at_the_base_rate_is_calibrated_and_ranks_nothing():
    rows = [(0.1, False, k % 10 == 0, 0.0) for k in range(1000)]
    summary = measured("binary", rows).summary()
    assert summary["calibration"] == pytest.approx(1.0)
    assert summary["auc"] == 0.5
    assert summary["average_precision"] == pytest.approx(0.1)
    assert summary["log_loss"] == pytest.approx(summary["prior_log_loss"])


def test_the_window_forgets_what_the_total_remembers():
    bad, good = (0.9, True, False, 0.0), (0.9, True, True, 0.0)
    summary = measured("binary", [bad] * 10 + [good] * 5, window=5).summary()
    assert (summary["accuracy"], summary["window_accuracy"]) == (5 / 15, 1.0)
    assert (summary["labels"], summary["window_labels"]) == (15, 5)


def test_the_label_delay_is_reported_beside_the_figures():
    rows = [(0.5, None, True, 86_400.0 * days) for days in (1, 7, 60)]
    summary = measured("binary", rows).summary()
    assert summary["label_delay_seconds"] == pytest.approx(86_400 * 68 / 3)
    assert summary["label_delay_p50_seconds"] == pytest.approx(86_400 * 7, rel=0.032)
    assert math.isnan(Quality("binary").summary()["label_delay_seconds"])


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_the_same_before_the_first_label_and_after(kind):
    target = "a" if kind == "multiclass" else 1
    quality = Quality(kind)
    before = quality.summary()
    feed(quality, [(0.5, None, target, 1.0)] * 3)
    assert list(before) == list(quality.summary())
    assert {name for name in before if not name.startswith("window_")} == {
        name.removeprefix("window_") for name in before if name.startswith("window_")
    }


def test_classes_beyond_the_first_hundred_are_pooled_and_said():
    rows = [(0.9, f"c{k}", f"c{k}", 0.0) for k in range(103)]
    quality = measured("multiclass", rows)
    counts = quality.classes()
    assert counts[0] == ClassCount("c0", 1, 1, 1)
    assert counts[-1] == ClassCount(None, 3, 3, 3)
    assert quality.summary()["classes"] == 100
    assert quality.summary()["pooled_labels"] == 3


def test_classes_are_merged_by_name_not_by_order_of_appearance():
    ours = measured("multiclass", [(0.9, "a", "a", 0.0), (0.9, "a", "b", 0.0)])
    theirs = measured("multiclass", [(0.9, "b", "b", 0.0), (0.9, "c", "c", 0.0)])
    ours.merge(theirs)
    assert ours.classes() == [
        ClassCount("a", 1, 1, 1),
        ClassCount("b", 2, 2, 1),
        ClassCount("c", 1, 1, 1),
    ]
    assert ours.summary()["window_majority_accuracy"] == 0.5


@pytest.mark.parametrize(
    ("kind", "target", "lesson"),
    [
        ("binary", ["1"], "'1' is text where a number is measured: give labels as 0 and 1"),
        ("binary", [2], "2 is no binary label: labels and decisions are 0 or 1"),
        ("binary", [math.nan], "nan is no binary label"),
        ("regression", [math.inf], "a label is inf: one such number would swallow every error"),
        ("regression", [1.0, 2.0], "2 labels came with 1 of score: give one for each label"),
    ],
)
def test_a_label_that_cannot_be_measured_is_refused_and_nothing_counted(kind, target, lesson):
    quality = Quality(kind)
    before = frozen(quality.state())
    with pytest.raises(QualityError, match=lesson):
        quality.update(np.array([0.5]), None, target)
    assert frozen(quality.state()) == before


def test_settings_that_measure_nothing_are_refused():
    with pytest.raises(QualityError, match=r"budget=5 is no share .* write budget=0\.005"):
        Quality("binary", budget=5)
    with pytest.raises(QualityError, match="window=0 holds no label: write window=10_000"):
        Quality("binary", window=0)
