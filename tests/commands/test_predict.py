import contextlib
import dataclasses
import io
import itertools
import os
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks.commands import predict as module
from kerastricks.commands.model_task import PredictTask
from kerastricks.commands.predict import AHEAD, counted, decoded, files, predict
from kerastricks.models.saved import Description, describe


@pytest.fixture
def model(tmp_path):
    """Tells dark from light: the logits are brightness and 255 - brightness of the centre."""
    inputs = keras.Input((8, 8, 3))
    head = keras.layers.Dense(2)
    network = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(inputs)))
    head.set_weights([np.array([[-1.0, 1.0]] * 3) / 3, np.array([255.0, 0.0])])
    network.save(tmp_path / "net.keras")
    describe(tmp_path / "net.keras", Description(("dark", "light"), 10))
    return str(tmp_path / "net.keras")


@pytest.fixture
def pictures(tmp_path):
    """Files of one level each, from 0 to 255, named by their places."""
    (tmp_path / "pictures" / "more").mkdir(parents=True)
    for place, level in enumerate((0, 255, 120, 130, 128)):
        folder = tmp_path / "pictures" / ("more" if place > 2 else "")
        Image.fromarray(np.full((10, 10, 3), level, "uint8")).save(folder / f"{place}.png")
    return tmp_path / "pictures"


def test_a_folder_gives_its_images_and_a_named_file_is_what_it_is(model, pictures):
    (pictures / "notes.txt").write_text("no image")
    assert len(list(predict(PredictTask(model, [str(pictures)], batch_size=2)))) == 5
    (row,) = predict(PredictTask(model, [str(pictures / "notes.txt")]))
    assert "error" in row


def test_a_row_for_each_file_in_order(model, pictures):
    rows = list(predict(PredictTask(model, [str(pictures)], batch_size=2)))
    assert [os.path.basename(row["path"]) for row in rows] == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert [row["label"] for row in rows] == ["dark", "light", "dark", "light", "light"]
    assert rows[4]["probability"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)  # logits 127 and 128


def test_flips_average_the_outputs(tmp_path):
    """Left half 200, right half 0, looked at on the left: logits of 200 and 55, of its mirror image 0 and 255."""
    inputs = keras.Input((8, 8, 3))
    head = keras.layers.Dense(2)
    left = keras.layers.Cropping2D(((0, 0), (0, 4)))(inputs)
    network = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(left)))
    head.set_weights([np.array([[1.0, -1.0]] * 3) / 300, np.array([0.0, 2.55])])
    network.save(tmp_path / "net.keras")
    describe(tmp_path / "net.keras", Description(("light", "dark"), 8))
    pixels = np.zeros((8, 8, 3), "uint8")
    pixels[:, :4] = 200
    Image.fromarray(pixels).save(tmp_path / "half.png")
    task = PredictTask(str(tmp_path / "net.keras"), [str(tmp_path / "half.png")], flips=True)
    ((row,), (both,)) = (list(predict(one)) for one in (dataclasses.replace(task, flips=False), task))
    assert (row["label"], row["probability"]) == ("light", pytest.approx(1 / (1 + np.exp(0.55 - 2)), abs=1e-5))
    assert (both["label"], both["probability"]) == ("dark", pytest.approx(1 / (1 + np.exp(1 - 1.55)), abs=1e-5))


def test_the_likeliest_first(model, pictures):
    (row,) = predict(PredictTask(model, [str(pictures / "2.png")], top=2))
    assert list(row) == ["path", "label", "probability", "label_2", "probability_2"]
    assert (row["label"], row["label_2"]) == ("dark", "light")
    assert row["probability"] + row["probability_2"] == pytest.approx(1)


def test_the_answer_is_that_of_training_s_decoding(model, tmp_path):
    """A file that is wider than high: its centre of 10 pixels, and of that the model's middle 8."""
    pixels = np.zeros((10, 30, 3), "uint8")
    pixels[:, 10:20] = 255
    pixels[1:9, 11:19] = 125
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (row,) = predict(PredictTask(model, [str(tmp_path / "wide.png")]))
    assert (row["label"], row["probability"]) == ("dark", pytest.approx(1 / (1 + np.exp(-5)), abs=1e-5))


def test_bad_files_are_rows_with_an_error(model, pictures, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "half.png").write_bytes((pictures / "0.png").read_bytes()[:40])
    paths = [str(tmp_path / name) for name in ("notes.txt", "nowhere.png", "half.png")]
    rows = list(predict(PredictTask(model, [*paths, str(pictures / "1.png")])))
    assert [list(row) for row in rows] == [["path", "error"]] * 3 + [["path", "label", "probability"]]
    assert "it is no image" in rows[0]["error"] and "No such file" in rows[1]["error"]
    assert all("\n" not in row["error"] for row in rows[:3])


def test_a_decoder_that_fails_spoils_one_row(model, pictures, monkeypatch):
    whole = module.decode

    def broken(path, size):
        if path.endswith("1.png"):
            raise IndexError("of a decoder")
        return whole(path, size)

    monkeypatch.setattr(module, "decode", broken)
    rows = list(predict(PredictTask(model, [str(pictures)])))
    assert [row.get("error") for row in rows] == [None, "IndexError: of a decoder", None, None, None]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_what_is_no_file_is_not_waited_for(model, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert [row["error"] for row in predict(PredictTask(model, [str(tmp_path / "pipe")]))] == ["it is no file"]


def test_weights_that_are_not_finite_are_said_in_the_row(model, pictures):
    network = keras.saving.load_model(model)
    network.set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    network.save(model)
    describe(model, Description(("dark", "light"), 10))
    assert "not numbers" in next(predict(PredictTask(model, [str(pictures)])))["error"]


def test_batches_have_one_shape(model, pictures, monkeypatch):
    shapes = []
    load = module.archive.load

    def watched(path):
        network = load(path)
        whole = network.predict_on_batch
        monkeypatch.setattr(network, "predict_on_batch", lambda batch: shapes.append(batch.shape) or whole(batch))
        return network

    monkeypatch.setattr(module.archive, "load", watched)
    assert len(list(predict(PredictTask(model, [str(pictures)], batch_size=2)))) == 5
    assert shapes == [(2, 8, 8, 3)] * 3
    shapes.clear()
    assert len(list(predict(PredictTask(model, [str(pictures / "0.png")], batch_size=64)))) == 1
    assert shapes == [(1, 8, 8, 3)]  # one image does not cost a batch


def test_paths_of_all_kinds(pictures, monkeypatch):
    listed = b"a.png\n\nsub/b c.png\r\ncaf\xe9.png"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))
    found = list(files(["x.png", "-", str(pictures / "more")]))
    assert found[:4] == ["x.png", "a.png", "sub/b c.png", os.fsdecode(b"caf\xe9.png")]
    assert found[4:] == [str(pictures / "more" / name) for name in ("3.png", "4.png")]


def test_an_endless_list_is_read_as_far_as_needed(model, pictures):
    """Three batches: the one that the model works on, and those that are decoded ahead."""
    read = itertools.count()
    paths = (str(pictures / "0.png") for _ in read)
    stream = decoded(paths, 10, (8, 8), batch_size=4)
    for number in range(5):
        assert len(next(stream)) == 4
        assert next(read) <= 4 * (number + 1 + AHEAD) + number + 1
    before = threading.active_count()
    stream.close()
    assert threading.active_count() <= before


def test_batches_keep_the_order(tmp_path, pictures):
    names = [str(pictures / f"{index % 3}.png") for index in range(11)]
    batches = list(decoded(names, 10, (8, 8), batch_size=4))
    assert [len(batch) for batch in batches] == [4, 4, 3]
    assert [each.path for batch in batches for each in batch] == names
    assert batches[0][1].image.shape == (8, 8, 3) and batches[0][1].image.max() == 255


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top": 3}, "`top` must be at most the number of classes, 2. Received: top=3"),
        ({"top": 0}, "`top` must be at least 1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"paths": []}, "`paths` must be a sequence of at least one path"),
        ({"paths": "a.png"}, "`paths` must be a sequence"),
        ({"paths": ["--tpo", "3"]}, "Unknown option: --tpo. For a file of that name, pass ./--tpo"),
        ({"backend": "another"}, "already. Received: backend='another'"),
        ({"batch_size": 10**9}, "The memory is too small .* Pass a smaller --batch-size.$"),
    ],
)
def test_bad_input_is_refused_before_the_first_row(model, pictures, settings, message):
    with pytest.raises(ValueError, match=message):
        predict(PredictTask(**{"model": model, "paths": [str(pictures)], **settings}))


def test_a_folder_without_a_file(model, tmp_path):
    (tmp_path / "empty" / "below").mkdir(parents=True)
    with pytest.raises(ValueError, match="There is no image below .*empty"):
        predict(PredictTask(model, [str(tmp_path / "empty")]))


def test_failures_are_counted_in_the_end(capsys):
    with counted([{"path": "a"}, {"path": "b", "error": "no"}]) as rows:
        assert len(list(rows)) == 2
    assert capsys.readouterr().err == "kerastricks: 1 of 2 files could not be read; their rows say why\n"
    with pytest.raises(SystemExit, match="1"), counted([{"path": "b", "error": "no"}]) as rows:
        list(rows)
    with pytest.raises(ValueError, match="There is no image. Expected paths on standard input"), counted([]) as rows:
        list(rows)
    with pytest.raises(KeyboardInterrupt, match="1 files were done"), counted([{"path": "a"}]) as rows:
        list(rows)
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_reader_that_has_enough_ends_it_quietly(model, pictures):
    """As `yes a.png | kerastricks predict net.keras - | head -n 3`."""
    command = [sys.executable, "-m", "kerastricks.cli", "predict", model, "-", "--batch-size", "4"]
    pipe = subprocess.PIPE
    done = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    writer = threading.Thread(target=feed, args=(done.stdin, f"{pictures / '0.png'}\n"), daemon=True)
    writer.start()
    lines = [done.stdout.readline() for _ in range(3)]
    done.stdout.close()
    assert lines[0] == "path,label,probability,error\n" and lines[1:] == [f"{pictures / '0.png'},dark,1.000000,\n"] * 2
    assert (done.wait(timeout=60), done.stderr.read()) == (141, "")
    writer.join(timeout=60)
    done.stderr.close()


def feed(stream, line):
    with contextlib.suppress(OSError), stream:
        while True:
            stream.write(line)
