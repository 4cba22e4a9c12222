import keras
import pytest

import kerastricks as kt
from kerastricks.models.fused_batch_norm import fusible
from kerastricks.tricks import efficient

HAS_KERNEL = keras.backend.backend() != "jax"


@pytest.mark.parametrize("fast", [True, False])
def test_does_what_helps_and_says_so(model, plan, setup, monkeypatch, capsys, fast):
    """The layers stay Keras' own, with the same weights; only how they are called changes."""
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: fast)
    if not fast and not HAS_KERNEL:
        with pytest.raises(ValueError, match="is as fast as it gets here"):
            kt.Efficient().check(setup())
        return
    norms = [layer for layer in model.layers if type(layer) is keras.layers.BatchNormalization]
    assert fusible(model) == (norms if HAS_KERNEL else [])
    kt.Efficient().check(setup())
    assert fusible(model) == (norms if HAS_KERNEL else [])  # to look is not to touch
    assert kt.Efficient().model(model, plan) is model
    said = capsys.readouterr().out
    assert ("5 BatchNormalization layers use the fused kernel" in said) == HAS_KERNEL
    assert ("convolutions and poolings run without copies" in said) == (keras.backend.backend() == "torch")
    assert ("layers compute in bfloat16" in said) == fast
    assert fusible(model) == []
    assert [layer for layer in model.layers if type(layer) is keras.layers.BatchNormalization] == norms
    assert ["call" in vars(layer) for layer in norms] == [HAS_KERNEL] * 5


def test_a_second_time_it_has_nothing_to_do(model, plan, setup, monkeypatch):
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: True)
    kt.Efficient().model(model, plan)
    with pytest.raises(ValueError, match="would have no effect"):
        kt.Efficient().check(setup())


@pytest.mark.parametrize("order", [1, -1])
def test_excludes_low_precision_where_it_lowers_the_precision_itself(model, plan, monkeypatch, order):
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: True)
    tricks = (kt.Efficient(), kt.LowPrecision())[::order]
    first, second = (trick.name for trick in tricks)
    with pytest.raises(ValueError, match=f"{first} and {second} both set the precision. Keep one of them in the"):
        kt.Recipe(tricks).compile(model, plan)


@pytest.mark.skipif(not HAS_KERNEL, reason="on JAX it would do nothing")
def test_goes_with_low_precision_elsewhere(model, plan, monkeypatch):
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: False)
    kt.Recipe((kt.Efficient(), kt.LowPrecision())).compile(model, plan)
    assert fusible(model) == []
    assert {layer.compute_dtype for layer in model.layers[1:-1]} == {"bfloat16"}


def test_refuses_a_model_without_a_graph(setup):
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="Received: Subclassed, which has none"):
        kt.Efficient().check(setup(model=Subclassed()))


@pytest.mark.parametrize("kind", ["DepthwiseConv2D", "SeparableConv2D"])
@pytest.mark.parametrize("processor", [True, False])
def test_depthwise_convolutions_stay_in_float32_on_a_processor(plan, setup, monkeypatch, capsys, kind, processor):
    """They are several times slower in bfloat16 there, and as fast as others on a GPU."""
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: True)
    monkeypatch.setattr("kerastricks.models.precision.has_accelerator", lambda: not processor)
    images = keras.Input((8, 8, 3))
    last = {"filters": 4} if kind == "SeparableConv2D" else {}
    x = keras.layers.BatchNormalization()(getattr(keras.layers, kind)(kernel_size=3, **last)(images))
    model = keras.Model(images, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    if processor and not HAS_KERNEL:
        with pytest.raises(ValueError, match="is as fast as it gets here"):
            kt.Efficient().check(setup(model=model))
        return
    kt.Efficient().check(setup(model=model))
    kt.Efficient().model(model, plan)
    assert ("compute in bfloat16" in capsys.readouterr().out) == (not processor)
    assert {layer.compute_dtype for layer in model.layers[1:-1]} == ({"float32"} if processor else {"bfloat16"})
