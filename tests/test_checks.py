"""`check_model` has to notice each promise that is broken, or it proves nothing."""

import math
from itertools import count

import numpy as np
import pytest

from models.checks import PROMISES, BrokenPromiseError, check_model
from models.linear import Linear, Logistic
from models.linear_learner import LinearLearner
from models.protocol import Scores

CLOCK = count()


def spoiled(declared, **faults):
    """A model whose learners have the faults."""
    learner_type = type("Spoiled", (LinearLearner,), faults)

    class Model:
        kind, form, bits = declared.kind, declared.form, declared.bits
        describe = staticmethod(declared.describe)
        accepts = staticmethod(declared.accepts)

        def new(self, seed):
            return learner_type(declared.kind, declared.bits, declared.optimizer)

    return Model()


def infinite(self, plan, rows):
    scores = LinearLearner.run(self, plan, rows)
    return Scores(np.where(scores.value > 0.6, np.inf, scores.value), scores.decision)


def forgets_decisions(self, plan, rows):
    return Scores(LinearLearner.run(self, plan, rows).value, None)


def depends_on_the_cut(self, plan, rows):
    scores = LinearLearner.run(self, plan, rows)
    return Scores(scores.value / (1 + len(plan)), scores.decision)


def remembers_nothing(self, state):
    pass


def hands_out_its_own_arrays(self):
    return {"at": np.arange(len(self._table)), "line": self._table, "counts": self._counts}


def shares(self, plan, rows):
    scores = LinearLearner.run(self, plan, rows)
    return Scores(scores.value / (1 + next(CLOCK)), scores.decision)


def poisoned(self):
    return {**LinearLearner.state(self), "norm": math.inf}


@pytest.mark.parametrize(
    ("faults", "promise"),
    [
        ({"run": infinite}, "a score is finite, or NaN"),
        ({"run": forgets_decisions}, "every score comes with a decision"),
        ({"run": depends_on_the_cut}, "the same bits as its parts"),
        ({"run": shares}, "the same bits as its parts"),
        ({"restore": remembers_nothing}, "a restored learner has the state it was given"),
        ({"state": hands_out_its_own_arrays}, "learning changes no image"),
        ({"state": poisoned}, "does not stay in the state"),
        ({"summary": lambda self: {"loss": 0.0}}, "counts the labels learned"),
        ({"summary": lambda self: {"learned": math.nan}}, "finite numbers"),
    ],
)
def test_a_broken_promise_is_named(faults, promise) -> None:
    with pytest.raises(BrokenPromiseError, match=promise):
        check_model(spoiled(Logistic(bits=6), **faults))


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        ({"describe": lambda: {"seed": next(CLOCK)}}, "says the same"),
        ({"accepts": lambda target: None}, "why a NaN cannot be learned"),
        ({"accepts": lambda target: "no"}, "accepts"),
        ({"kind": "ranking"}, "kind 'ranking' is one of"),
        ({"form": "dense"}, "form 'dense' is"),
    ],
)
def test_a_declaration_that_breaks_a_promise_is_named(fault, promise) -> None:
    model = spoiled(Linear(bits=6))
    for name, value in fault.items():
        setattr(type(model), name, staticmethod(value) if callable(value) else value)
    with pytest.raises(BrokenPromiseError, match=promise):
        check_model(model)


def test_a_model_without_faults_keeps_all_promises() -> None:
    check_model(spoiled(Logistic(bits=6)))
    assert len(PROMISES) == 7
