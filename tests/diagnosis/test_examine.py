"""Each fault of benchmarks/doctor/plants.py is found, and the same case without it raises nothing."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks import diagnosis
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.examine import CHECKS, examine

from .conftest import load

PLANTS = load("plants").PLANTS
GUIDES = load("guides").GUIDES
EVIDENCE = {  # figures that a reader can check by hand
    "softmax together with from_logits=True": "1.4612",  # ln(1 + 9 / e)
    "label smoothing in the compiled loss": "0.5003",  # the entropy of 0.91 and nine times 0.01
    "weight decay 5e-4 in Keras' SGD with momentum 0.9": "10 times weaker",
    "BatchNormalization momentum 0.99 in a run of 100 steps": "37%",  # 0.99 ** 100
    "one BatchNormalization in two places": "0.9801",  # 0.99 ** 2
    "36 training images among those to validate with": "36 of 395",
    "pixels divided by 255 before a Rescaling(1 / 255)": "0.00392",  # 1 / 255
    "weight decay 1e-4 in AdamW": "1e-05 of a weight",  # 1e-4 * 1e-3 * 100
    "a schedule for half the run": "the last 50 have the rate 0",
    "an integer initial rate in a schedule": "initial_learning_rate=0",
    "validation labels from 1 to 10": "labels 0 to 9 to train on, 1 to 10 to validate",
    "rotation in bfloat16": "0.03125 pixels",  # 8 bits: 2 ** (3 - 8) below 8
    "a loss that stays at ln(10) = 2.3026": "ln(10) is 2.3026",
}


@pytest.mark.parametrize("words", PLANTS)
def test_planted(words):
    name, make = PLANTS[words]
    found = kt.doctor(**make(True))
    assert name in [finding.name for finding in found]
    assert found.unseen == ()
    hit = next(finding for finding in found if finding.name == name)
    assert any(map(str.isdigit, hit.evidence)) and hit.fix and hit.reason.endswith(".")
    assert EVIDENCE.get(words, "") in hit.evidence


@pytest.mark.parametrize("words", PLANTS)
def test_without_the_fault(words):
    found = kt.doctor(**PLANTS[words][1](False))
    assert found == [] and found.unseen == ()


@pytest.mark.slow
@pytest.mark.parametrize("words", GUIDES)
def test_guides_of_keras(words):
    assert kt.doctor(**GUIDES[words]()) == []


@pytest.mark.any_backend
def test_every_check_is_planted():
    """A check is a function that yields findings: all that the room has are in the list."""
    public = set()
    for path in Path(diagnosis.__file__).parent.glob("*.py"):
        functions = [n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)]
        public |= {
            (path.stem, function.name)
            for function in functions
            if not function.name.startswith("_") and ast.unparse(function.args) == "case: Case"
        }
    listed = {(check.__module__.rpartition(".")[2], check.__name__) for check in CHECKS}
    assert listed == public - {("examine", "examine")}


def test_changes_nothing():
    """Weights, optimizer, generators of random numbers and seeds of layers are afterwards as before."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (64, 8, 8, 3), "uint8"), np.arange(64) % 4
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            *(keras.Input((8, 8, 3)), keras.layers.RandomFlip(seed=1), keras.layers.Rescaling(1 / 255)),
            *(keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization(), keras.layers.ReLU()),
            *(keras.layers.Flatten(), keras.layers.Dropout(0.5, seed=2), keras.layers.Dense(4)),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, verbose=0)

    def state():
        variables = [*model.variables, *model.optimizer.variables]
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]

    before = state()
    numpy = np.random.get_state()[1].copy()
    kt.doctor(model, (images, labels), validation_data=(images[:8], labels[:8]), epochs=2, batch_size=32)
    assert all(np.array_equal(one, other) for one, other in zip(before, state(), strict=True))
    assert np.array_equal(numpy, np.random.get_state()[1])
    after = [keras.random.uniform((2,)) for _ in range(2)]
    keras.utils.set_random_seed(3)
    assert not np.array_equal(*map(keras.ops.convert_to_numpy, after))


class Bare(keras.Model):
    """A model without a graph, whose call raises."""

    def call(self, inputs):
        raise RuntimeError("no")


def test_raises_for_nothing():
    data = np.zeros((20, 8, 8, 1), "uint8"), np.arange(20) % 2
    model = Bare()
    model.built = True
    for case in ({"model": model, "data": data}, {"model": keras.Model()}, {"data": 3}, {"data": iter([data])}, {}):
        found = kt.doctor(**case)
        assert found == []
    assert kt.doctor(data=iter([data])).unseen == ("data: it can be read once only, and that is for the training",)


def test_a_check_that_raises_is_told(monkeypatch):
    def broken(case):
        raise KeyError("x")

    monkeypatch.setattr("kerastricks.diagnosis.examine.CHECKS", (broken,))
    found = examine(Case())
    assert found == [] and found.unseen == ("test_examine.broken (KeyError: 'x')",)
