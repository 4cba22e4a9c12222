import keras
import pytest

import kerastricks as kt
from kerastricks.models.fused_batch_norm import FusedBatchNormalization
from kerastricks.tricks import efficient

HAS_KERNEL = keras.backend.backend() != "jax"


@pytest.mark.parametrize("fast", [True, False])
def test_does_what_helps_and_says_so(model, plan, monkeypatch, capsys, fast):
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: fast)
    if not fast and not HAS_KERNEL:
        with pytest.raises(ValueError, match="is as fast as it gets here"):
            kt.Efficient().model(model, plan)
        return
    assert kt.Efficient().model(model, plan) is model
    said = capsys.readouterr().out
    assert ("5 BatchNormalization layers use the fused kernel" in said) == HAS_KERNEL
    assert ("convolutions run without copies" in said) == (keras.backend.backend() == "torch")
    assert ("layers compute in bfloat16" in said) == fast
    fused = sum(isinstance(layer, FusedBatchNormalization) for layer in model.layers)
    assert fused == (5 if HAS_KERNEL else 0)


def test_a_second_time_it_has_nothing_to_do(model, plan, monkeypatch):
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: True)
    kt.Efficient().model(model, plan)
    with pytest.raises(ValueError, match="would have no effect"):
        kt.Efficient().model(model, plan)


def test_refuses_a_model_without_a_graph(plan):
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="Received: Subclassed, which has none"):
        kt.Efficient().model(Subclassed(), plan)
