import json

import keras
import numpy as np
import pytest
from keras import layers

from kerastricks.commands import model_file
from kerastricks.commands.export.child import main, run, served
from kerastricks.commands.export.runtimes import batches
from kerastricks.models.heads import probabilities
from kerastricks.models.saved import Description, describe


@pytest.mark.parametrize(("output", "activation"), [("logits", None), ("sigmoid", None), ("probabilities", "softmax")])
def test_a_server_gets_probabilities_for_bytes(output, activation):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(
        inputs, layers.Dense(2, activation=activation)(layers.Flatten()(layers.Rescaling(0.01)(inputs)))
    )
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), "uint8")
    whole = served(model, output, (4, 4, 3))
    assert (whole.inputs[0].dtype, whole.inputs[0].name) == ("uint8", "images")
    expected = probabilities(model.predict(images.astype("float32"), verbose=0), output)
    np.testing.assert_allclose(whole.predict(images, verbose=0), expected, atol=1e-6)


def test_a_model_without_a_layer_that_casts():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 3)(inputs))))
    assert served(model, "logits", (4, 4, 3)).predict(np.zeros((1, 4, 4, 3), "uint8"), verbose=0).sum() == 1


def test_what_keras_says(tmp_path, network):
    """The centre of the decoded squares, and the probabilities of the network for it."""
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), "uint8")
    np.save(tmp_path / "images.npy", images)
    (tmp_path / "job.json").write_text(json.dumps({"model": str(network), "batch_size": 2}))
    run(tmp_path, ["predict"])
    inputs = np.load(tmp_path / "inputs.npy")
    assert inputs.dtype == "uint8"
    np.testing.assert_array_equal(inputs, images[:, 1:11, 2:10])
    scores = keras.saving.load_model(network).predict(inputs.astype("float32"), verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "expected.npy"), probabilities(scores, "logits"), atol=1e-6)
    assert json.loads((tmp_path / "card.json").read_text())["classes"] == ["dark", "garden tiger"]


def test_a_model_that_does_not_fit_its_description(tmp_path, network):
    (tmp_path / "model.keras").write_bytes(network.read_bytes())
    describe(tmp_path / "model.keras", Description(("a", "b", "c"), 12))
    (tmp_path / "job.json").write_text(json.dumps({"model": str(tmp_path / "model.keras")}))
    with pytest.raises(ValueError, match="has 2 outputs, but 3 class names"):
        run(tmp_path, ["predict"])


@pytest.mark.parametrize(
    ("work", "status", "said"),
    [
        (lambda: find_text("mended"), 2, "cannot be opened as a Keras model: it is no zip archive"),
        (lambda: {}["layer"], 1, "KeyError: 'layer'\n"),
    ],
)
def test_a_failure_is_one_line(work, status, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(work)
    assert ended.value.code == status
    assert said in capsys.readouterr().err


def find_text(name):
    """Raises what the user can mend."""
    with open(f"{name}.keras", "w") as file:
        file.write("no model")
    model_file.find(f"{name}.keras")


def test_batches_of_one_and_of_five():
    assert [len(batch) for batch in batches(np.zeros(16))] == [1, 5, 5, 5]
