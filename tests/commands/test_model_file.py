import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

from kerastricks.commands.model_file import filled, find
from kerastricks.models.archive import load
from kerastricks.models.saved import Description, describe

RUN = {"classes": ["cat", "dog"], "image_shape": [12, 12, 3], "tricks": ["MixUp(alpha=0.2)"]}


@pytest.fixture
def run(tmp_path, tiny):
    """The directory of a run whose model holds no description."""
    directory = tmp_path / "run"
    directory.mkdir()
    shutil.copy(tiny["colour"], directory / "model.keras")
    (directory / "run.json").write_text(json.dumps(RUN))
    return directory


def test_the_description_in_the_file_comes_first(run):
    told = Description(("ant", "bee"), 10, 3, "sigmoid")
    describe(run / "model.keras", told)
    assert find(str(run)) == (run / "model.keras", told)
    assert find(str(run / "model.keras")) == (run / "model.keras", told)


@pytest.mark.parametrize(("tricks", "output"), [([], "logits"), (["BinaryCrossentropy()"], "sigmoid")])
def test_an_older_run_tells_it_beside_the_file(run, tricks, output):
    (run / "run.json").write_text(json.dumps({**RUN, "tricks": tricks}))
    file, found = find(str(run))
    assert filled(found, load(file)) == Description(("cat", "dog"), 12, 3, output)


def test_a_softmax_gives_probabilities(run, tiny):
    model = keras.Sequential([keras.saving.load_model(tiny["colour"]), keras.layers.Softmax()])
    _, found = find(str(run))
    assert filled(found, model).output == "probabilities"


def test_classes_must_be_as_many_as_outputs(run):
    (run / "run.json").write_text(json.dumps({**RUN, "classes": ["a", "b", "c"]}))
    file, found = find(str(run))
    with pytest.raises(ValueError, match="has 2 outputs, but 3 class names"):
        filled(found, load(file))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "There is no model file .*thing.keras"),
        (lambda path: path.write_text("no model"), "it is no zip archive"),
        (lambda path: path.mkdir(), "thing.keras holds no model.keras. Pass a .keras file, or the directory of"),
    ],
)
def test_what_is_no_model(tmp_path, make, message):
    make(tmp_path / "thing.keras")
    with pytest.raises(ValueError, match=message):
        find(str(tmp_path / "thing.keras"))


@pytest.mark.parametrize(
    "settings", [None, "{", '{"classes": ["cat"]}', "[]", '{"classes": 3, "image_shape": [8, 8, 3]}']
)
def test_classes_must_be_known(run, settings):
    (run / "run.json").unlink()
    if settings is not None:
        (run / "run.json").write_text(settings)
    with pytest.raises(ValueError, match="Nothing tells the classes of .*model.keras.*models.describe"):
        find(str(run))


def test_an_archive_of_something_else(run):
    with zipfile.ZipFile(run / "model.keras", "w") as archive:
        archive.writestr("notes.txt", "no model")
    file, _ = find(str(run))
    with pytest.raises(ValueError, match="cannot be opened as a Keras model"):
        load(file)


def test_code_in_a_model_is_not_run(tmp_path):
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Lambda(lambda x: x)(inputs)))
    keras.Model(inputs, outputs).save(tmp_path / "code.keras")
    with pytest.raises(ValueError, match="it holds Python code, as a Lambda layer does"):
        load(tmp_path / "code.keras")


def test_a_loaded_model_predicts(run):
    file, _ = find(run)
    assert load(file).predict(np.zeros((3, 8, 8, 3), "uint8"), verbose=0).shape == (3, 2)
