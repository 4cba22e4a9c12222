import zipfile

import keras
import numpy as np
import pytest

from kerastricks.models.saved import ENTRY, Description, describe, description, save

ANIMALS = Description(("Katze", "chien", "犬"), image_size=12, channels=1, output="sigmoid")


@pytest.fixture
def path(tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(3)(inputs)).save(tmp_path / "net.keras")
    return tmp_path / "net.keras"


def test_a_file_of_another_s_has_none(path):
    assert description(path) is None


def test_comes_back_as_it_was(path):
    describe(path, ANIMALS)
    assert description(path) == description(str(path)) == ANIMALS


def test_another_takes_its_place(path):
    before = zipfile.ZipFile(path).namelist()
    describe(path, ANIMALS)
    describe(path, Description(("a", "b", "c"), 4))
    assert description(path) == Description(("a", "b", "c"), 4, 3, "logits")
    assert zipfile.ZipFile(path).namelist() == [*before, ENTRY]
    assert [other.name for other in path.parent.iterdir()] == ["net.keras"]


def test_keras_opens_the_file_still(path):
    images = np.arange(8.0).reshape(2, 4)
    before = keras.saving.load_model(path).predict(images, verbose=0)
    describe(path, ANIMALS)
    describe(path, ANIMALS)
    assert keras.saving.load_model(path).predict(images, verbose=0).tolist() == before.tolist()


@pytest.mark.parametrize("call", [description, lambda path: describe(path, ANIMALS)])
def test_what_is_no_model_file(path, tmp_path, call):
    path.write_bytes(whole := path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="net.keras cannot be opened as a Keras model: it is no zip archive, or not a"):
        call(path)
    assert path.read_bytes() == whole
    with pytest.raises(ValueError, match="There is no model file .*nowhere.keras"):
        call(tmp_path / "nowhere.keras")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 2, "animals": []}', "is of a later version of kerastricks. Upgrade kerastricks."),
        ('{"version": 1, "classes": ["a", "b"]}', "is damaged. Write it anew"),
        ('{"version": 1, "classes": 3, "image_size": 4}', "is damaged"),
        ('{"classes": ["a", "b"], "image_size": 4}', "is damaged"),
        ('{"version": 1, "classes": ["a", 2], "image_size": 4}', "is damaged"),
        ('{"version": 1, "classes": [], "image_size": 4}', "is damaged"),
        ('{"version": 1, "classes": ["a", "b"], "image_size": "4"}', "is damaged"),
        ('{"version": 1, "classes": ["a", "b"], "image_size": 4, "channels": 7}', "is damaged"),
        ('{"version": 1, "classes": ["a", "b"], "image_size": 4, "output": "eval"}', "is damaged"),
        ("[]", "is damaged"),
        ("{", "is damaged"),
    ],
)
def test_a_description_of_another_kind(path, text, message):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(ENTRY, text)
    with pytest.raises(ValueError, match=message):
        description(path)


def test_names_are_such_as_can_be_shown(path):
    """ESC begins a command of a terminal."""
    describe(path, Description(("a\x1b[2J", "b"), 4))
    assert description(path).classes == (r"a\x1b[2J", "b")


@pytest.mark.parametrize("told", [None, ANIMALS])
def test_saves_a_model_with_what_it_is_for(path, tmp_path, told):
    model = keras.saving.load_model(path)
    save(model, tmp_path / "other.keras", told)
    assert description(tmp_path / "other.keras") == told
    images = np.arange(8.0).reshape(2, 4)
    again = keras.saving.load_model(tmp_path / "other.keras").predict(images, verbose=0)
    assert again.tolist() == model.predict(images, verbose=0).tolist()
    assert sorted(other.name for other in tmp_path.iterdir()) == ["net.keras", "other.keras"]


def test_a_model_that_cannot_be_saved_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()
    model = keras.saving.load_model(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    for call in (lambda: save(model, path, ANIMALS), lambda: describe(path, ANIMALS)):
        with pytest.raises(OSError, match="No space left"):
            call()
        assert path.read_bytes() == before and [other.name for other in path.parent.iterdir()] == ["net.keras"]
