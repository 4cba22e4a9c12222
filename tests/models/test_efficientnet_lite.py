import numpy as np
import pytest

from kerastricks import models
from kerastricks.models.efficientnet_lite import SCALES, scaled_filters


@pytest.mark.parametrize(
    ("filters", "width", "expected"),
    [(32, 1.0, 32), (16, 1.1, 16), (24, 1.1, 24), (40, 1.1, 48), (112, 1.1, 120), (320, 1.1, 352), (8, 1.45, 16)],
)
def test_filters_are_multiples_of_eight(filters, width, expected):
    """16 × 1.1 = 17.6 rounds to 16; 40 × 1.1 = 44 to 48; 8 × 1.45 = 11.6 to 8, a tenth and more below, so 16."""
    assert scaled_filters(filters, width) == expected


@pytest.mark.parametrize(
    ("number", "millions"),
    [(0, 4.652), (1, 5.417), (2, 6.092)],  # the table of the published checkpoints: 4.7, 5.4, 6.1 million
)
def test_has_the_published_number_of_parameters(number, millions):
    model = models.build(f"efficientnet_lite{number}", classes=1000, input_shape=(32, 32, 3))
    assert sum(np.prod(v.shape) for v in model.trainable_variables) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_scales_pixels_by_itself():
    """(pixel - 127) / 128."""
    model = models.build("efficientnet_lite0", classes=3, input_shape=(32, 32, 3))
    assert (model.layers[1].scale * 127 + model.layers[1].offset, model.layers[1].scale) == (0, 1 / 128)


def test_repeats_grow_with_the_depth_but_at_the_ends():
    counts = {
        number: sum(
            "add" in layer.name for layer in models.SHIPPED[f"efficientnet_lite{number}"](3, (32, 32, 3)).layers
        )
        for number in SCALES
    }
    assert counts == {0: 9, 1: 14, 2: 14}


def test_refuses_small_images():
    with pytest.raises(ValueError, match="efficientnet_lite1 takes images of 32×32 pixels and up"):
        models.build("efficientnet_lite1", classes=3, input_shape=(24, 32, 3))
