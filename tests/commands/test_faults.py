import errno
import zipfile

import pytest

from kerastricks.commands import faults
from kerastricks.commands.faults import MachineError
from kerastricks.commands.model_task import EvaluateTask
from kerastricks.commands.task import TrainTask
from kerastricks.models import build

pytestmark = pytest.mark.any_backend


def raised(function, *arguments, **settings):
    """The exception of a call, with its traceback."""
    with pytest.raises(BaseException) as caught:
        function(*arguments, **settings)
    return caught.value


def throw(error):
    raise error


@pytest.mark.parametrize(
    ("error", "said", "status"),
    [
        (KeyboardInterrupt(), "stopped; nothing was written", 130),
        (KeyboardInterrupt("no model was written"), "stopped; no model was written", 130),
        (OSError(errno.ENOSPC, "No space left on device"), "out: No space left on device", 1),
        (PermissionError(errno.EACCES, "Permission denied", "a.png"), "a.png: Permission denied", 2),
        (
            MemoryError("Unable to allocate 9 TiB"),
            "The memory is too small for 64 images of 32×32 pixels in a batch. ",
            2,
        ),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "The memory is too small for 64 images of 32×32", 2),
        (RuntimeError("Could not determine home directory."), "There is no home directory", 2),
        (faults.MachineError("A worker process was killed."), "A worker process was killed.", 1),
        (KeyError("config"), "KeyError: 'config'. This was not foreseen: run again with --debug", 1),
        (ValueError("Of a library:\n\n  the reason.\n  more"), "ValueError: Of a library: the reason. This was not", 1),
    ],
    ids=repr,
)
def test_one_line_and_a_status(error, said, status):
    task = TrainTask("im", batch_size=64, image_size=32, out="out")
    line, code = faults.explain(raised(throw, error), task)
    assert (line.startswith(said), code, line.count("\n")) == (True, status, 0), line


def test_a_finished_model_has_no_other_image_size():
    line, status = faults.explain(raised(throw, MemoryError()), EvaluateTask("net.keras", "photos", batch_size=8))
    assert (line, status) == ("The memory is too small for 8 images in a batch. Pass a smaller --batch-size.", 2)


def test_what_the_package_refuses_stands_as_it_is():
    line, status = faults.explain(raised(TrainTask, "digits", epochs=0))
    assert (line, status) == ("`epochs` must be at least 1. Received: epochs=0", 2)


def test_python_at_a_line_of_ours_is_no_refusal():
    assert faults.explain(raised(faults.check_memory, 1, "abc"))[1] == 1  # multiplies letters


@pytest.mark.parametrize("content", ["nothing", "half", "no configuration", "a list", "no weights", "bad weights"])
def test_a_damaged_model_file_is_named(tiny, tmp_path, content):
    path = tmp_path / "mine.keras"
    with zipfile.ZipFile(tiny["colour"]) as whole, zipfile.ZipFile(path, "w") as other:
        for name in whole.namelist():
            text, weights = whole.read(name), name.endswith(".h5")
            if content == "a list" and name == "config.json":
                text = b"[]"
            if content == "bad weights" and weights:
                text = b"nonsense"
            if (content, name) != ("no configuration", "config.json") and not (content == "no weights" and weights):
                other.writestr(name, text)
    if content in ("nothing", "half"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if content == "half" else 0])
    error = raised(build, str(path), classes=2, input_shape=(8, 8, 3))
    line, status = faults.explain(error, TrainTask("digits", model=str(path)))
    assert line.startswith(f"{path} cannot be opened as a Keras model: ") and "\n" not in line
    assert status == 2


def test_code_in_a_model_file_is_refused_in_a_line(tmp_path):
    import keras

    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Lambda(lambda x: x)(inputs)))
    keras.Model(inputs, outputs).save(tmp_path / "mine.keras")
    path = str(tmp_path / "mine.keras")
    error = raised(build, path, classes=2, input_shape=(8, 8, 3))
    line, status = faults.explain(error, TrainTask("digits", model=path))
    assert (line.startswith(f"{path} cannot be opened: it holds Python code"), line.count("\n"), status) == (True, 0, 2)


def test_a_model_that_fits_still_is_refused_in_its_own_words(tiny):
    error = raised(build, tiny["colour"], classes=5, input_shape=(8, 8, 3))
    assert "has 2 classes, the data has 5" in faults.explain(error, TrainTask("digits", model=tiny["colour"]))[0]


def test_a_recipe_keeps_its_own_lines_and_no_others(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def batch(images):\n    return images / 0\n")
    hooks: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), hooks)
    error = raised(hooks["batch"], 1)
    while error.__traceback__.tb_next:  # the lines of this test are somebody's own too
        error.__traceback__ = error.__traceback__.tb_next
    line, status = faults.explain(error, TrainTask("digits", recipe=str(path)))
    assert line == (
        f'The recipe file {path} raised:\n  File "{path}", line 2, in batch\n    return images / 0\n'
        "           ~~~~~~~^~~\nZeroDivisionError: division by zero"
    )
    assert status == 2
    assert faults.own_place(error) == " in mine.py, line 2"


def test_a_recipe_is_suspected_where_nothing_else_explains():
    error = raised(throw, TypeError("'NoneType' object is not iterable"))
    error.__traceback__ = None  # no line of the user's
    line, status = faults.explain(error, TrainTask("digits", recipe="mine.py"))
    assert line.startswith("TypeError: 'NoneType' object is not iterable. Perhaps a hook in mine.py returned what")
    assert status == 2


def test_a_device_that_jax_lacks(monkeypatch):
    class Jax:
        def devices(self):
            raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setitem(faults.sys.modules, "jax", Jax())
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    line, status = faults.explain(raised(throw, AssertionError()))
    assert line.startswith("JAX finds no device. Received: JAX_PLATFORMS=cuda.") and status == 2


def test_memory_is_counted_before_and_watched_meanwhile(monkeypatch):
    monkeypatch.setattr(faults.memory, "installed", lambda: 10**9)
    faults.check_memory(1, (9_000, 9_000, 3))  # 972 MB
    with pytest.raises(ValueError, match=r"too small for 2 images of 9000×9000 pixels in a batch: 2 GB of 1 GB"):
        faults.check_memory(2, (9_000, 9_000, 3))
    with pytest.raises(ValueError, match="too small for 4 images of 8×8 pixels"), faults.within_memory(4, (8, 8, 3)):
        raise MemoryError
    with pytest.raises(KeyError), faults.within_memory(4, (8, 8, 3)):
        raise KeyError
    with pytest.raises(MachineError), faults.within_memory(4, (8, 8, 3)):  # it names what was saved
        raise MachineError("The model is here") from MemoryError()


@pytest.mark.parametrize(
    ("fits", "words"),
    [
        (3, "--batch-size 3 should fit; with --with GradientAccumulation:steps=3 an update still sees as many images"),
        (8, "Pass a smaller --batch-size or --image-size.$"),
        (0, "Pass a smaller --batch-size or --image-size.$"),
    ],
)
def test_a_batch_that_fits_is_named_with_what_keeps_the_updates(fits, words):
    with pytest.raises(ValueError, match=words), faults.within_memory(8, (8, 8, 3), lambda: fits):
        raise MemoryError
