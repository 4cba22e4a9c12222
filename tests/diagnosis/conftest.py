import importlib
import sys
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "doctor"


def load(name):
    """Returns a module of benchmarks/doctor, whose modules import each other by their names."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(autouse=True)
def quiet():
    """Lets Keras warn of what is planted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
