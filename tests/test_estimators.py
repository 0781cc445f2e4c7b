import json

import pytest
from river import (
    active,
    anomaly,
    base,
    cluster,
    compose,
    drift,
    ensemble,
    feature_selection,
    forest,
    linear_model,
    multiclass,
    multioutput,
    neighbors,
    optim,
    preprocessing,
    reco,
    stats,
    tree,
)

from models.estimators import ModelError, described, kinds, last_step, seeded
from models.linear import Logistic
from models.optimizers import SGD


def upper(x):
    return {name.upper(): value for name, value in x.items()}


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (linear_model.LogisticRegression(), ("binary",)),
        (tree.HoeffdingTreeClassifier(), ("binary", "multiclass")),
        (preprocessing.StandardScaler() | neighbors.KNNClassifier(), ("binary", "multiclass")),
        (multiclass.OneVsRestClassifier(linear_model.Perceptron()), ("multiclass", "binary")),
        (linear_model.LinearRegression(), ("regression",)),
        (preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(), ("anomaly",)),
        (anomaly.QuantileFilter(anomaly.HalfSpaceTrees(), q=0.95), ("anomaly",)),
        (compose.Pipeline(compose.Pipeline(tree.HoeffdingTreeRegressor())), ("regression",)),
    ],
    ids=str,
)
def test_the_kinds_of_an_estimator_are_read_off_its_last_step(estimator, expected) -> None:
    assert kinds(estimator) == expected


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (
            linear_model.LogisticRegression,
            r"LogisticRegression is a class: write LogisticRegression\(\)",
        ),
        (lambda x: x, "is a function and no River estimator; write for example"),
        (object(), r"wrap a scikit-learn one in river.compat.convert_sklearn_to_river"),
        (
            multioutput.ClassifierChain(linear_model.LogisticRegression()),
            "ClassifierChain answers several labels at once",
        ),
        (
            multioutput.RegressorChain(linear_model.LinearRegression()),
            "RegressorChain predicts several numbers at once",
        ),
        (
            active.EntropySampler(linear_model.LogisticRegression()),
            "EntropySampler chooses which labels to ask for.*write the classifier in it",
        ),
        (reco.BiasedMF(), "BiasedMF learns from a user and an item.*facto.FMRegressor"),
        (
            anomaly.GaussianScorer(),
            "GaussianScorer scores the label itself.*write anomaly.HalfSpaceTrees",
        ),
        (
            feature_selection.SelectKBest(stats.PearsonCorr()) | anomaly.HalfSpaceTrees(),
            r"SelectKBest \| HalfSpaceTrees finds anomalies, but a part of it learns from labels",
        ),
        (preprocessing.StandardScaler() | cluster.KMeans(), "which is no score: end with an"),
        (
            preprocessing.StandardScaler(),
            r"scores no events: end with .* StandardScaler \| linear_model.LogisticRegression\(\)",
        ),
        (drift.ADWIN(), "ADWIN scores no events"),
    ],
)
def test_what_cannot_be_a_model_is_refused_with_the_line_to_write(estimator, says) -> None:
    with pytest.raises(ModelError, match=says):
        kinds(estimator)


def test_the_description_holds_every_parameter_of_every_part() -> None:
    model = compose.Pipeline(
        compose.FuncTransformer(upper), preprocessing.StandardScaler()
    ) + compose.Select("amount", "age") | ensemble.VotingClassifier(
        [linear_model.LogisticRegression(l2=0.5), forest.ARFClassifier()]
    )
    text = json.dumps(described(model))
    for part in ("test_estimators.upper", "with_std", '"l2": 0.5', "grace_period", '"amount"'):
        assert part in text
    assert text == json.dumps(described(model.clone()))
    assert " at 0x" not in text


def test_the_description_changes_with_a_parameter_deep_inside() -> None:
    def model(rate: float) -> base.Estimator:
        return preprocessing.StandardScaler() | ensemble.BaggingClassifier(
            linear_model.LogisticRegression(optim.SGD(rate))
        )

    assert described(model(0.1)) == described(model(0.1))
    assert described(model(0.1)) != described(model(0.2))


def test_our_own_models_inside_a_pipeline_are_described_with_their_optimizer() -> None:
    first, other = (preprocessing.StandardScaler() | Logistic(optimizer=SGD(lr)) for lr in (1, 2))
    assert described(first) != described(other)


def test_every_missing_seed_is_set_and_a_given_one_kept() -> None:
    model = preprocessing.FeatureHasher(n_features=64) | ensemble.VotingClassifier(
        [
            forest.ARFClassifier(),
            neighbors.KNNClassifier(),
            ensemble.BaggingClassifier(tree.HoeffdingAdaptiveTreeClassifier(), seed=42),
        ]
    )
    copy = seeded(model, 5)
    hasher, voting = copy["FeatureHasher"], copy["VotingClassifier"]
    seeds = [
        hasher.seed,
        voting.models[0].seed,
        voting.models[1].engine.seed,
        voting.models[2].model.seed,
    ]
    assert None not in seeds
    assert len(set(seeds)) == 4
    assert voting.models[2].seed == 42
    assert model["FeatureHasher"].seed is None, "the declaration stays as it was"


def test_equal_seeds_give_equal_estimators_and_others_give_others() -> None:
    hasher = preprocessing.FeatureHasher(n_features=2**20)
    x = {"shop": "a", "city": "b"}
    first, again, other = (seeded(hasher, seed).transform_one(x) for seed in (1, 1, 2))
    assert first == again != other


def test_the_last_step_is_found_through_nested_pipelines() -> None:
    tail = tree.HoeffdingTreeClassifier()
    nested = compose.Pipeline(preprocessing.MinMaxScaler(), compose.Pipeline(tail))
    assert last_step(nested) is tail
    assert last_step(tail) is tail
