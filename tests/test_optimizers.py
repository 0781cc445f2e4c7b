import math

import pytest

from models.optimizers import FTRL, SGD, AdaGrad


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: SGD(lr=0.0), r"SGD\(lr=0.0\): lr has to be a finite number > 0; try SGD\(lr=0.01"),
        (lambda: SGD(schedule="cosine"), r'write SGD\(schedule="constant"\) or'),
        (lambda: AdaGrad(eps=0.0), r"try AdaGrad\(eps=1e-08\)"),
        (lambda: AdaGrad(lr=math.nan), r"AdaGrad\(lr=nan\)"),
        (lambda: FTRL(alpha=-1.0), r"try FTRL\(alpha=0.05\)"),
        (lambda: FTRL(beta=0.0), r"try FTRL\(beta=1.0\)"),
        (lambda: FTRL(l1=-0.1), r"FTRL\(l1=-0.1\): a penalty is a finite number ≥ 0"),
    ],
)
def test_a_step_that_cannot_work_is_refused_when_it_is_written(declare, says) -> None:
    with pytest.raises(ValueError, match=says):
        declare()


def test_an_optimizer_describes_itself_completely() -> None:
    assert FTRL(alpha=0.1, l1=1e-6).describe() == {
        "name": "FTRL",
        "alpha": 0.1,
        "beta": 1.0,
        "l1": 1e-6,
        "l2": 0.0,
    }
    assert AdaGrad(0.05) == AdaGrad()
    assert SGD().describe() != SGD(schedule="sqrt").describe()
