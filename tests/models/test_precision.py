import keras
from keras import layers

from kerastricks.models.precision import computes_bfloat16_fast, set_precision


def test_pixels_and_logits_keep_float32():
    inputs = keras.Input((6, 6, 3))
    inner = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(2, 3, name="nested")])
    x = layers.Flatten(name="flat")(inner(layers.Rescaling(1 / 255, name="pixels")(inputs)))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    changed = set_precision(model, "mixed_bfloat16")
    assert sorted(layer.name for layer in changed) == ["flat", "nested"]
    computed = {layer.name: layer.compute_dtype for layer in [*model.layers, *inner.layers]}
    assert (computed["pixels"], computed["nested"], computed["logits"]) == ("float32", "bfloat16", "float32")
    assert {variable.dtype for variable in model.variables} == {"float32"}
    assert keras.backend.standardize_dtype(model(keras.ops.ones((1, 6, 6, 3))).dtype) == "float32"


def test_logits_keep_float32_before_a_softmax_of_its_own():
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, name="hidden")(inputs)
    model = keras.Model(inputs, layers.Activation("softmax")(layers.Dense(2, name="logits")(hidden)))
    assert [layer.name for layer in set_precision(model, "mixed_bfloat16")] == ["hidden"]


def test_a_choice_of_the_users_stays():
    inputs = keras.Input((4,))
    x = layers.Dense(2, dtype="mixed_float16", name="half")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(x))
    assert set_precision(model, "mixed_bfloat16") == []


def test_reads_the_device(monkeypatch):
    from kerastricks.models import precision

    monkeypatch.setattr(precision, "_accelerator", lambda: True)
    assert computes_bfloat16_fast()
    monkeypatch.setattr(precision, "_accelerator", lambda: None)
    monkeypatch.setattr(precision.Path, "exists", lambda path: True)
    for flags, fast in (("avx2 avx512f", False), ("avx512f avx512_bf16", True), ("amx_bf16", True)):
        monkeypatch.setattr(precision.Path, "read_text", lambda path, flags=flags: flags)
        assert computes_bfloat16_fast() == fast
