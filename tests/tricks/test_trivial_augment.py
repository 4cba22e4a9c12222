import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.image import operations

# Most of each signed operation, in the wide space of the paper.
MOST = {
    **dict.fromkeys(("ShearX", "ShearY"), 0.99),
    **dict.fromkeys(("TranslateX", "TranslateY"), 32),
    "Rotate": 135,
    **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), 0.99),
}
# Whole pixels of 32/30 per magnitude, cut towards zero; torchvision's 15 times 32/30 is 15.999999.
PIXELS = np.array([*range(16), *range(17, 31), 32])


def draws(plan, count=10_000):
    drawn = kt.TrivialAugment().draw(np.random.default_rng(0), count, 0, plan)
    return drawn["operation"], drawn["amount"]


def test_applies_one_operation_an_image():
    """One pixel to the right; two bits kept."""
    images = np.array([[[[10], [70], [130], [250]]]] * 2, "float32")
    operation = np.array([operations.NAMES.index(name) for name in ("TranslateX", "Posterize")], "int32")
    done, targets = kt.TrivialAugment().batch(keras.ops.array(images), "targets", operation, np.array([1.0, 2.0]))
    assert keras.ops.convert_to_numpy(done)[:, 0, :, 0].tolist() == [[0, 10, 70, 130], [0, 64, 128, 192]]
    assert targets == "targets"


def test_every_operation_is_as_likely(plan):
    """10,000 of fourteen: 714 each, deviation 26."""
    counts = np.bincount(draws(plan)[0])
    assert len(counts) == 14
    assert np.abs(counts - 714).max() < 5 * 26


@pytest.mark.parametrize(("name", "most"), MOST.items())
def test_signed_magnitudes_are_uniform_over_both_ends(plan, name, most):
    """140,000 draws, about 10,000 of the operation: mean 0, 61 values, both ends; variance of 31 steps each way."""
    operation, amount = draws(plan, 140_000)
    amount = amount[operation == operations.NAMES.index(name)]
    assert amount.max() == pytest.approx(most, abs=1e-5)
    assert amount.min() == pytest.approx(-most, abs=1e-5)
    assert amount.mean() == pytest.approx(0, abs=5 * 0.6 * most / 100)
    if name.startswith("Translate"):
        assert np.array_equal(np.unique(np.abs(amount)), PIXELS)
        assert amount.var() == pytest.approx(np.mean(PIXELS**2), rel=0.05)
    else:
        assert len(np.unique(amount)) == 61
        assert amount.var() == pytest.approx(most**2 * np.mean(np.linspace(0, 1, 31) ** 2), rel=0.05)


def test_posterizes_to_two_bits_and_solarizes_from_all_levels(plan):
    """Of 31 magnitudes, three keep 8 bits and three 2; five keep each number between."""
    operation, amount = draws(plan, 140_000)
    bits, counts = np.unique(amount[operation == operations.NAMES.index("Posterize")], return_counts=True)
    assert bits.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert counts / counts.sum() == pytest.approx(np.array([3, 5, 5, 5, 5, 5, 3]) / 31, abs=0.02)
    threshold = amount[operation == operations.NAMES.index("Solarize")]
    assert (threshold.min(), threshold.max(), len(np.unique(threshold))) == (0, 255, 31)
    assert threshold.mean() == pytest.approx(127.5, abs=5 * 76 / 100)


def test_refuses_two_channels(setup):
    kt.TrivialAugment().check(setup(images=np.zeros((1, 8, 8, 1), "uint8")))
    with pytest.raises(ValueError, match="TrivialAugment needs images with 1 or 3 channels"):
        kt.TrivialAugment().check(setup(images=np.zeros((1, 8, 8, 2), "uint8")))
