import json
import shutil

import keras
import pytest
from PIL import Image

import kerastricks as kt
from kerastricks.commands.doctor import diagnose
from kerastricks.commands.doctor_task import DoctorTask
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train


def names(found):
    return [finding.name for finding in found]


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures of 8×8 in two classes, three of them to validate with, one of which is to train on, too."""
    for index in range(12):
        path = tmp_path / "photos" / ("val" if index % 4 == 0 else "train") / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((8, 8), 20 + 10 * index).save(path)
    (tmp_path / "photos/val/b").mkdir()
    shutil.copy(tmp_path / "photos/train/b/1.png", tmp_path / "photos/val/b/copy.png")
    return str(tmp_path / "photos")


def test_a_folder(folder):
    found, notes = diagnose(DoctorTask(folder))
    assert names(found) == ["duplicates across the split"] and "1 of 4 (25.0%)" in found[0].evidence
    assert any("copy.png" in note for note in notes)


def test_a_file_alone_and_with_data(tiny, folder):
    assert diagnose(DoctorTask(tiny["colour"]))[0] == []
    assert names(diagnose(DoctorTask(tiny["colour"], folder))[0]) == ["duplicates across the split"]
    assert diagnose(DoctorTask(tiny["digits"], "digits"))[0] == []


def test_a_file_is_compiled(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    found, _ = diagnose(DoctorTask(str(tmp_path / "model.keras"), "digits"))
    assert names(found) == ["logits taken for probabilities"]
    assert found.unseen == ("what the model says of the images: neither its file nor its layers tell their scale",)


def test_classes_in_another_order(tiny, tmp_path, folder):
    path = shutil.copy(tiny["colour"], tmp_path / "model.keras")
    kt.models.describe(path, kt.models.Description(("b", "a"), 8))
    found, _ = diagnose(DoctorTask(str(path), folder))
    assert "labels shifted" in names(found) and "2 of 2 names differ" in [one.evidence for one in found]


def test_a_run(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(TrainTask("digits", model=tiny["digits"], recipe="baseline", epochs=1, images=64, batch_size=32, out="run"))
    found, notes = diagnose(DoctorTask("run"))
    assert found == [] and found.unseen == () and notes == ()


def test_what_a_run_wrote(tmp_path):
    """A run without a model: its history, where it diverged, and data that is gone."""
    settings = {"classes": ["a", "b"], "data_path": "/gone", "train_images": 10, "batch_size": 5, "epochs": 3}
    (tmp_path / "run.json").write_text(json.dumps(settings))
    (tmp_path / "diverged.json").write_text(json.dumps({"step": 13, "epoch": 2, "learning_rate": 5.0}))
    (tmp_path / "history.csv").write_text("epoch,loss,val_accuracy\n0,0.69,0.5\n1,0.6931,NA\n2,0.6931,0.5\n")
    found, notes = diagnose(DoctorTask(str(tmp_path)))
    assert names(found) == ["loss is no number", "loss never moved"]
    assert "step 13 of epoch 2" in found[0].evidence and "ln(2) is 0.6931" in found[1].evidence
    assert list(notes) == ["the data of the run is not there: /gone"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"classes": 3, "batch_size": "8", "data": [1], "tricks": 2}'])
def test_damaged_files_of_a_run(tmp_path, text):
    for name in ("run.json", "diverged.json", "history.csv"):
        (tmp_path / name).write_text(text)
    assert diagnose(DoctorTask(str(tmp_path)))[0] == []


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "digits", "data": "digits"}, "Two data sets"),
        ({"model": "digits", "sweep": True}, "`sweep` is for a .keras file and its data"),
        ({"model": "digits", "epochs": 3, "batch_size": 8}, "`epochs` and `batch_size` are for"),
        ({"model": "a.keras", "data": "digits", "epochs": 3}, "`epochs` needs `batch_size`"),
        ({"model": "a.keras", "data": "digits", "epochs": 0}, "must be at least 1"),
    ],
)
def test_settings_that_do_not_fit(settings, said):
    with pytest.raises(ValueError, match=said):
        DoctorTask(**settings)


@pytest.mark.any_backend
def test_a_run_has_its_own_seed(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="A run has its own seed"):
        DoctorTask(str(tmp_path), seed=3)


@pytest.mark.any_backend
def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.keras does not exist"):
        DoctorTask("gone.keras").check_files()
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="gone does not exist"):
        DoctorTask(str(tmp_path), "gone").check_files()
