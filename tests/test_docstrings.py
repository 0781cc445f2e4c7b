"""The examples in docstrings give what they say they give."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = sorted(
    f"{path.parent.name}.{path.stem}"
    for package in ("models", "streams")
    for path in (ROOT / package).glob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_run(module):
    tried = doctest.testmod(import_module(module))
    assert tried.failed == 0
