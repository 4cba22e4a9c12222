import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
import pytest

from kerastricks.commands.export import export as room
from kerastricks.commands.export import formats
from kerastricks.commands.export.export import ExportError, export, words
from kerastricks.commands.model_task import ExportTask
from kerastricks.models.saved import Description, describe

CLASSES = ("dark", "garden tiger")
EXPECTED = np.tile(np.array([[0.25, 0.75], [0.75, 0.25]], "float32"), (8, 1))


def of_onnx(path):
    import onnx

    model = onnx.load(path)
    props = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    assert (props["classes"], props["image_size"]) == (list(CLASSES), [10, 8])
    return props["kerastricks"]


def of_saved_model(path):
    assert (path / "assets.extra" / "labels.txt").read_text().splitlines() == list(CLASSES)
    return json.loads((path / "assets.extra" / "kerastricks.json").read_text())


def of_litert(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(CLASSES)
        return json.loads(archive.read("kerastricks.json"))


def of_openvino(path):
    told = ElementTree.parse(path).find("rt_info")
    assert told.find("model_info/labels").get("value") == "dark garden_tiger"
    return json.loads(told.find("kerastricks").get("value"))


READ = {"onnx": of_onnx, "saved_model": of_saved_model, "litert": of_litert, "openvino": of_openvino}


@pytest.mark.slow
@pytest.mark.parametrize("name", formats.FORMATS)
def test_agrees_with_keras_on_this_backend(name, exported, run, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    result = exported(name, images=[photos])
    assert result["compared"]["largest_difference"] <= 1e-4
    assert result["compared"]["count"] == 16
    assert result["notes"] == [] or name == "openvino"
    path = Path(result["path"])
    told = READ[name](path)
    assert told["classes"] == list(CLASSES)
    assert told["input"]["shape"] == ["batch", 10, 8, 3]
    assert {left.name for left in run.iterdir()} == {
        *("model.keras", "run.json"),
        *(part.name for part in formats.parts(path)),
    }
    sidecar = json.loads(formats.parts(path)[-1].read_text())
    assert sidecar == {key: value for key, value in result.items() if key not in ("path", "bytes", "notes")}
    assert sidecar["input"].pop("name") == "images"
    assert {**sidecar["output"], "name": None} == {**told["output"], "name": None}
    assert sidecar["input"] == told["input"]
    assert not (tmp_path / "home" / "intel").exists()  # where OpenVINO keeps what it tells its maker


@pytest.mark.slow
def test_eight_bits(exported, photos):
    result = exported("litert", images=[photos], int8=True)
    assert Path(result["path"]).name == "model_int8.tflite"
    assert of_litert(Path(result["path"]))["classes"] == list(CLASSES)
    compared = result["compared"]
    assert compared["count"] == 10  # the other ten set the ranges
    assert compared["same_class"] >= 0.8
    assert abs(compared["accuracy_before"] - compared["accuracy_after"]) <= 0.2
    assert 1e-4 < compared["largest_difference"] < 0.2


@pytest.mark.slow
def test_a_model_that_does_not_fit_its_description(exported, run):
    describe(run / "model.keras", Description(("a", "b", "c"), 12))
    with pytest.raises(ValueError, match="has 2 outputs, but 3 class names"):
        exported("onnx")
    assert {path.name for path in run.iterdir()} == {"model.keras", "run.json"}


@pytest.fixture
def children(monkeypatch):
    """In the place of the processes: they answer at once, with what stands here."""
    said = {"expected": EXPECTED, "answers": EXPECTED, "usual": None, "calls": []}

    def child(module, arguments, failed, settings):
        said["calls"].append((module, *map(str, arguments[1:] if module == "child" else arguments[:1])))
        work = next(path for path in arguments if isinstance(path, Path) and path.is_dir())
        if module == "child" and "write" in arguments:
            for part in formats.parts(work / json.loads((work / "job.json").read_text())["artefact"])[:-1]:
                part.write_bytes(b"12345")
        if module == "runtimes":
            np.save(work / "expected.npy", said["expected"])
            np.save(work / "answers.npy", said["answers"])
            if said["usual"] is not None:
                np.save(work / "usual.npy", said["usual"])
            (work / "card.json").write_text('{"classes": ["a", "b"], "input": {}, "output": {}}')
            (work / "account.json").write_text('{"runtime": "some", "version": "1.2", "names": ["in", "out"]}')

    monkeypatch.setattr(room, "_child", child)
    monkeypatch.setattr(formats, "_is_installed", lambda name: True)
    return said


def test_what_it_says(children, exported, photos):
    result = exported("openvino", images=[photos])
    assert (result["bytes"], result["input"], result["output"]) == (10, {"name": "in"}, {"name": "out"})
    assert words(result).splitlines()[0].startswith(f"{result['path']}  0.00 MB, openvino by Keras on ")
    assert "largest difference of a probability 0\n" in words(result)
    assert "compared in some 1.2 on 16 images of " in words(result)


@pytest.mark.parametrize(
    ("answers", "difference"),
    [
        (EXPECTED + np.float32(0.01), "0.01"),
        (np.full_like(EXPECTED, np.nan), "inf"),
        (EXPECTED[:, :1], "inf"),
    ],
)
def test_a_model_that_disagrees_is_removed(children, exported, run, answers, difference):
    children["answers"] = answers
    with pytest.raises(ExportError, match=f"differ by up to {difference}, more than 0.0001. Nothing was written."):
        exported("onnx")
    assert {path.name for path in run.iterdir()} == {"model.keras", "run.json"}


def test_few_images_are_counted_once(children, exported, photos):
    paths = [photos / CLASSES[0] / f"{index}.png" for index in range(3)]
    assert exported("onnx", images=paths)["compared"]["count"] == 3


def test_a_little_is_allowed(children, exported):
    children["answers"] = EXPECTED + np.float32(0.00009)
    assert exported("onnx")["compared"]["largest_difference"] == pytest.approx(9e-5, rel=1e-2)


def test_random_pixels_are_said_to_be_such(children, exported):
    assert any("it is compared on random pixels: pass --images." in note for note in exported("onnx")["notes"])


def test_less_precision_by_default_is_told(children, exported, photos):
    children["usual"] = EXPECTED + np.float32(0.002)
    result = exported("openvino", images=[photos])
    assert result["compared"]["largest_difference_by_default"] == pytest.approx(0.002, rel=1e-3)
    assert [note for note in result["notes"] if "0.002 apart. Compile the model with" in note]


def test_one_answer_for_all_images_tells_little(children, exported, photos, monkeypatch):
    children["expected"] = children["answers"] = np.full((16, 2), 0.5, "float32")
    (note,) = exported("onnx", images=[photos])["notes"]
    assert note == "Keras gives all these images the same answer within 0: the comparison tells little."


def test_eight_bits_that_name_other_classes(children, exported, run, photos):
    children["expected"], children["answers"] = EXPECTED[:10], EXPECTED[:10, ::-1]
    with pytest.raises(ExportError, match="names Keras' class for 0% of 10 images only"):
        exported("litert", int8=True, images=[photos])
    assert {path.name for path in run.iterdir()} == {"model.keras", "run.json"}


def test_eight_bits_take_images(children, exported, photos):
    with pytest.raises(ValueError, match="quantized on images such as it will see. Pass some with --images."):
        exported("litert", int8=True)
    with pytest.raises(ValueError, match="Pass two or more with --images."):
        exported("litert", int8=True, images=[photos / CLASSES[0] / "0.png"])
    assert children["calls"] == []


def test_nothing_is_overwritten(children, exported, run):
    (run / "model.onnx").write_text("mine")
    with pytest.raises(ValueError, match="model.onnx exists already"):
        exported("onnx")
    assert (run / "model.onnx").read_text() == "mine"
    assert children["calls"] == []


def test_what_is_no_model(children, exported, tmp_path):
    (tmp_path / "no.keras").write_text("no model")
    with pytest.raises(ValueError, match="it is no zip archive"):
        exported("onnx", model=tmp_path / "no.keras")
    assert children["calls"] == []


def test_a_missing_runtime_is_named_before_anything_is_done(children, run, monkeypatch):
    monkeypatch.setattr(formats, "_is_installed", lambda name: name != "onnxruntime")
    with pytest.raises(ValueError, match="takes onnxruntime, not installed here. .* pip install 'kerastricks"):
        export(ExportTask(str(run), output_format="onnx"))
    assert children["calls"] == []


def test_one_process_where_the_backend_writes_itself(children, run, monkeypatch):
    """Else one to ask Keras on this backend, and one to write on another."""
    for writer, expected in (
        (keras.backend.backend(), [("child", "predict", "write")]),
        ("other", [("child", "predict"), ("child", "write")]),
    ):
        children["calls"].clear()
        monkeypatch.setattr(formats, "route", lambda *_, writer=writer: writer)
        export(ExportTask(str(run), output_format="onnx", out=str(run / f"{writer}.onnx")))
        assert children["calls"] == [*expected, ("runtimes", "onnx")]


def test_a_child_that_fails_is_quoted():
    with pytest.raises(ExportError, match="^ONNX could not be run: IndexError.*Nothing was written.$"):
        room._child("runtimes", [], "ONNX could not", {})


def test_only_litert_is_quantized():
    with pytest.raises(ValueError, match="`int8` is for the format litert. Received: output_format='onnx'"):
        ExportTask("m.keras", output_format="onnx", int8=True)
