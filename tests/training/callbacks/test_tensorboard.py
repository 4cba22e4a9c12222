import struct

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.callbacks import tensorboard
from kerastricks.training.callbacks.tensorboard import TensorBoard


def scalars(directory):
    """The scalars in the event files of a directory: name, step and value, in the order in which they were written."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(directory.glob("events.*")):
        data = path.read_bytes()
        while data:  # length, its checksum, the event, its checksum
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def fit(callbacks, epochs=2):
    images, labels = np.zeros((8, 4, 4, 1), "uint8"), np.arange(8) % 2
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    recipe = kt.Recipe((kt.CosineDecay(),), learning_rate=0.5, batch_size=4)
    data = (images, labels)
    return recipe.fit(model, data, validation_data=data, epochs=epochs, callbacks=callbacks, verbose=0).history


def test_writes_what_the_history_holds(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    history = fit([TensorBoard(tmp_path / "tensorboard")])
    found = scalars(tmp_path / "tensorboard")
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"} <= {name for name, _, _ in found}
    for name in {name for name, _, _ in found}:
        written = [(step, value) for title, step, value in found if title == name]
        assert [step for step, _ in written] == [0, 1]
        assert [value for _, value in written] == pytest.approx(history[name], rel=1e-6)
    # Four updates along half a cosine, 0.25 (1 + cos(π i / 4)): the second is at i = 1, the fourth at i = 3.
    rates = [value for name, _, value in found if name == "learning_rate"]
    assert rates == pytest.approx([0.25 + 0.25 * 0.5**0.5, 0.25 - 0.25 * 0.5**0.5], rel=1e-6)


def test_what_was_written_is_there_when_the_run_is_stopped(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    board = TensorBoard(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit([board, Stop()])
    assert {step for _, step, _ in scalars(tmp_path)} == {0}
    board.on_train_end()  # Keras does not call it then
    board.on_train_end()


def test_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"not installed. Install it with: pip install 'kerastricks\[tensorboard\]'"):
        TensorBoard(tmp_path / "tensorboard")
    assert not (tmp_path / "tensorboard").exists()
