from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streams.errors import DeclarationError
from streams.loading import load

EVENT = """
from models import Logistic, Number
from streams import Event, Labels, Pipeline, Topic

class Payment(Event, frozen=True):
    tx_id: str
    amount: float
    fraud: bool

def declared(name):
    return Pipeline(
        name=name,
        events=Topic("payments", schema=Payment, id="tx_id"),
        labels="fraud",
        features=[Number("amount")],
        model=Logistic(bits=4),
    )
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "fraud.py"

    def write(text: str) -> Path:
        path.write_text(text)
        return path

    return write


def refused(place) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        load(place)
    return caught.value


def test_the_one_pipeline_of_a_file_is_found_under_any_name(file):
    path = file(EVENT + "detector = declared('fraud')\nsame = detector\n")
    assert load(path).name == "fraud"
    assert load(str(path)).fingerprint == load(path).fingerprint


def test_one_of_several_pipelines_is_named_behind_a_colon(file):
    path = file(EVENT + "live = declared('live')\nshadow = declared('shadow')\n")
    assert load(f"{path}:shadow").name == "shadow"
    error = refused(path)
    assert error.given == f"{path} declares 2 pipelines"
    assert error.why == "which one is meant: live or shadow?"
    assert error.write == f"{path}:live"
    assert refused(f"{path}:ghost").why == "the file declares live or shadow"


def test_loading_leaves_no_trace_but_the_module(file):
    path, before = file(EVENT + "live = declared('live')\n"), list(sys.path)
    load(path)
    assert sys.path == before
    assert [other.name for other in path.parent.iterdir()] == ["fraud.py"]
    assert sys.modules["thalweg_fraud"].__file__ == str(path)


def test_a_file_that_does_not_run_leaves_the_module_before_it(file):
    load(file(EVENT + "live = declared('live')\n"))
    module = sys.modules["thalweg_fraud"]
    refused(file("1 / 0\n"))
    assert sys.modules["thalweg_fraud"] is module


def test_a_file_is_python_as_it_stands(file):
    path = file(EVENT + "live = declared('live')\nkinds = Payment.__annotations__\n")
    load(path)
    assert sys.modules["thalweg_fraud"].kinds["amount"] is float


def test_a_misspelled_import_is_answered_with_the_nearest(file):
    error = refused(file("from models import Nmber\n"))
    assert error.where.endswith("fraud.py, line 1")
    assert error.write == "from models import Number"


def test_a_file_that_is_not_there_is_answered_with_those_that_are(file):
    path = file(EVENT)
    error = refused(path.with_name("frud.py"))
    assert error.given.endswith("frud.py cannot be read: No such file or directory")
    assert error.write == "one of fraud.py"


def test_a_syntax_error_is_told_with_its_line(file):
    path = file("a = 1\nb = = 2\n")
    assert str(refused(path)) == (
        f"{path}, line 2: b = = 2\n"
        "  why:   Python cannot read it: invalid syntax\n"
        "  write: the line as Python has it"
    )


def test_a_file_without_a_pipeline_is_told_what_one_is(file):
    error = refused(file(EVENT))
    assert error.given.endswith("fraud.py declares no pipeline")
    assert error.write == "pipeline = Pipeline(name=…, events=…, model=…)"


def test_a_mistake_in_a_declaration_is_told_with_its_line(file):
    path = file(EVENT + "\nlive = declared('card fraud')\n")
    error = refused(path)
    assert error.where == f"{path}, line 11"
    assert error.write == 'Pipeline(name="card-fraud", …)'


def test_a_mistake_in_a_feature_is_told_with_its_line(file):
    path = file("from models import Number\nNumber('amount', scale='lg')\n")
    error = refused(path)
    assert error.where == f"{path}, line 2"
    assert error.write == "Number('amount', scale='log')"


def test_any_other_exception_is_told_with_its_line(file):
    path = file("from models import Logistic\n\nLogistic(bits=40)\n")
    error = refused(path)
    assert error.where == f"{path}, line 3"
    assert error.given.startswith("ValueError: Logistic(bits=40): the table has 2**bits weights")
    assert refused(file("raise SystemExit('no')")).given == "SystemExit: no"


def test_a_module_that_is_missing_is_told_how_to_come_by(file):
    path = file("import thalweg_no_such_module\n")
    assert refused(path).write == "pip install thalweg_no_such_module"
    path.with_name("cards.py").write_text("")
    file("import cards\n")
    assert refused(path).write == f"PYTHONPATH={path.parent} thalweg check {path}"
