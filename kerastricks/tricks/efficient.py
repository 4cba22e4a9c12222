"""The fastest precision and kernels of the backend and device."""

import dataclasses

import keras

from kerastricks.models.channels_last import copying, keep_channels_last
from kerastricks.models.fused_batch_norm import fuse_batch_normalization, fusible
from kerastricks.models.graph import has_graph
from kerastricks.models.precision import computes_bfloat16_fast, lowerable, set_precision, slow_in_bfloat16
from kerastricks.training.trick import Trick


def _lowerable(model):
    """Returns the layers that are faster in bfloat16."""
    return lowerable(model) if computes_bfloat16_fast() and not slow_in_bfloat16(model) else []


@dataclasses.dataclass(frozen=True)
class Efficient(Trick):
    """Trains in bfloat16 where device and network are fast in it, with fused batch normalization where Keras has none.

    The model is changed in place: layers compute in bfloat16 with float32 weights, moving statistics, logits and loss;
    each BatchNormalization gets the backend's fused kernel on TensorFlow and PyTorch, and stays Keras' own on JAX;
    convolutions and poolings on PyTorch no longer copy their inputs. A printed line says what was changed. On a
    processor, networks of depthwise convolutions stay in float32: those are slower in bfloat16.

    Raises:
        ValueError: If the model is subclassed, or there is nothing to do on this backend and device.

    Reference: He et al., 2018, arXiv:1812.01187, section 3.
    """

    @property
    def claims(self):
        return ("precision",) if computes_bfloat16_fast() else ()

    def check(self, setup):
        model = setup.model
        if not has_graph(model):
            raise ValueError(
                "Efficient changes the layers in the graph of a functional or Sequential model. "
                f"Received: {type(model).__name__}, which has none. Leave Efficient out, or set the dtype policy "
                "before you build the model."
            )
        if not (fusible(model) or copying(model) or _lowerable(model)):
            raise ValueError(
                f"Efficient would have no effect: on {keras.backend.backend()} and this device the model is as fast as "
                "it gets here. Leave Efficient out."
            )

    def model(self, model, plan):
        done = []
        if fused := fuse_batch_normalization(model):
            done.append(f"{len(fused)} BatchNormalization layers use the fused kernel")
        if unlocked := keep_channels_last(model):
            done.append(f"{len(unlocked)} convolutions and poolings run without copies")
        if _lowerable(model):
            done.append(f"{len(set_precision(model, 'mixed_bfloat16'))} layers compute in bfloat16")
        if done:
            print(f"Efficient, on {keras.backend.backend()}: {'; '.join(done)}.")
        return model
