"""Random layers that compute positions and colours in 16 bits."""

from collections.abc import Iterator

from keras import layers

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.models.graph import all_layers

_BITS = {"float16": 11, "bfloat16": 8}  # of the significand
_EXACT = (layers.RandomFlip, layers.RandomCrop)  # they move pixels, and compute none
_NAMES = ("AugMix", "AutoContrast", "CutMix", "Equalization", "MixUp", "RandAugment", "Solarization")


def low_precision(case: Case) -> Iterator[Finding]:
    """Augmentation in float16 or bfloat16."""
    if not case.graph:
        return
    low = [
        layer
        for layer in all_layers(case.model)
        if (type(layer).__name__.startswith("Random") or type(layer).__name__ in _NAMES)
        and layer.compute_dtype in _BITS
        and not isinstance(layer, _EXACT)
    ]
    if not low:
        return
    dtype = low[0].compute_dtype
    side = next((side for side in case.model.input_shape[1:3] if side), 224)
    step = 2.0 ** ((side - 1).bit_length() - _BITS[dtype])
    yield Finding(
        "augmentation in 16 bits",
        "Positions and colours are computed in 16 bits, and lose what these cannot hold.",
        f"{len(low)} layer{'s' * (len(low) > 1)} in {dtype} ('{low[0].name}'): near pixel {side - 1} positions are "
        f"{step:g} pixels apart",
        f'{type(low[0]).__name__}(..., dtype="float32")',
    )
