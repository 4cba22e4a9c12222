import json

import numpy as np
import pytest
from PIL import Image

from kerastricks.commands.export.images import noise, sample
from kerastricks.data.decode import decode
from kerastricks.models.saved import Description

pytestmark = pytest.mark.any_backend
FOUND = Description(("dark", "garden tiger"), 12)


def test_a_folder_of_the_model_s_classes_tells_labels(photos, run):
    found = sample([str(photos)], run / "model.keras", FOUND, 100, 0)
    assert found.pixels.shape == (20, 12, 12, 3)
    assert found.source == f"{photos} (all)"
    np.testing.assert_array_equal(found.labels, found.pixels.mean((1, 2, 3)) > 128)


def test_some_are_drawn_by_the_seed(photos, run):
    drawn = [sample([str(photos)], run / "model.keras", FOUND, 5, seed).pixels for seed in (1, 1, 2)]
    assert len(drawn[0]) == 5
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_any_folder_of_images(photos, run):
    (photos / "dark" / "notes.txt").write_text("no image")
    found = sample([str(photos / "dark")], run / "model.keras", FOUND, 100, 0)
    assert (len(found.pixels), found.labels) == (10, None)


def test_classes_of_others_tell_nothing(photos, run):
    found = sample([str(photos)], run / "model.keras", Description(("ant", "bee"), 12), 16, 0)
    assert (len(found.pixels), found.labels) == (16, None)


def test_files(photos, run):
    paths = [str(photos / "dark" / f"{index}.png") for index in range(4)]
    found = sample(paths, run / "model.keras", FOUND, 16, 0)
    assert {image.tobytes() for image in found.pixels} == {decode(path, 12).tobytes() for path in paths}
    assert found.source.endswith("2.png and 1 more")


def test_the_data_of_the_run_comes_next(photos, run):
    (run / "run.json").write_text(json.dumps({"data": str(photos)}))
    assert sample([], run / "model.keras", FOUND, 16, 0).source.startswith(str(photos))


def test_the_data_of_the_run_is_found_from_anywhere(photos, run):
    (run / "run.json").write_text(json.dumps({"data": "photos", "data_path": str(photos)}))
    assert sample([], run / "model.keras", FOUND, 16, 0).source.startswith(str(photos))


def test_a_file_that_the_run_set_aside_is_passed_over(photos, run):
    """A header and nothing more: what is in it shows when it is decoded."""
    Image.new("RGB", (64, 64)).save(photos / "dark" / "0.webp")
    whole = (photos / "dark" / "0.webp").read_bytes()
    (photos / "dark" / "0.webp").write_bytes(whole[:40])
    found = sample([str(photos)], run / "model.keras", FOUND, 100, 0)
    assert (len(found.pixels), len(found.labels)) == (20, 20)


@pytest.mark.parametrize("settings", [None, "{", "[]", '{"data": "gone"}', '{"data": null}'])
def test_else_there_are_none(run, settings):
    (run / "run.json").unlink()
    if settings is not None:
        (run / "run.json").write_text(settings)
    assert sample([], run / "model.keras", FOUND, 16, 0) is None


def test_the_digits(run):
    found = sample(["digits"], run / "model.keras", Description(tuple("0123456789"), 8, 1), 16, 0)
    assert found.pixels.shape == (16, 8, 8, 1)
    assert len(found.labels) == 16


def test_what_is_not_there_or_no_image(run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "list.csv").write_text("path,label\nlost.png,dark\n")
    for name, message in (
        ("nowhere", "nowhere does not exist. Pass image files, or a folder of images, with --images."),
        ("empty", "No image was found in .*empty"),
        ("list.csv", "lost.png"),
        ("notes.txt", "notes.txt: it is no image"),
    ):
        with pytest.raises(ValueError, match=message):
            sample([str(tmp_path / name)], run / "model.keras", FOUND, 16, 0)


def test_noise_is_of_the_described_size():
    images = noise(Description(("a", "b"), 8, 1), 3, 0)
    assert (images.shape, images.dtype) == ((3, 8, 8, 1), "uint8")
    assert images.min() < 16 < 240 < images.max()


def test_an_image_with_transparency_is_one(tmp_path, run):
    Image.new("RGBA", (12, 12), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert sample([str(tmp_path / "clear.png")], run / "model.keras", FOUND, 16, 0).pixels.min() == 255
