"""Each operation of RandAugment and TrivialAugment against what Pillow does, as torchvision calls it."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from kerastricks.image import levels, operations


def photographs(channels, height=33, width=40, count=4):
    """Smooth pictures with noise as uint8, (count, height, width, channels), one in a narrow range and one flat."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(rows / 7 + c) * np.cos(columns / 5 + n) for n in range(count) for c in range(channels)]
    images = np.moveaxis(np.reshape(waves, (count, channels, height, width)), 1, 3)
    images = np.clip(images + random.normal(0, 12, images.shape), 0, 255)
    images[1] = 100 + images[1] / 5
    images[2] = 77
    return images.astype("uint8")


def transform(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)


def pillow(pixels, name, amount):
    """The operation on one image, by Pillow."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    done = {
        "Identity": lambda: image,
        "ShearX": lambda: transform(image, (1, amount, 0, 0, 1, 0)),
        "ShearY": lambda: transform(image, (1, 0, 0, amount, 1, 0)),
        "TranslateX": lambda: transform(image, (1, 0, -amount, 0, 1, 0)),
        "TranslateY": lambda: transform(image, (1, 0, 0, 0, 1, -amount)),
        "Rotate": lambda: image.rotate(amount, Image.Resampling.NEAREST),
        "Brightness": lambda: ImageEnhance.Brightness(image).enhance(1 + amount),
        "Color": lambda: ImageEnhance.Color(image).enhance(1 + amount),
        "Contrast": lambda: ImageEnhance.Contrast(image).enhance(1 + amount),
        "Sharpness": lambda: ImageEnhance.Sharpness(image).enhance(1 + amount),
        "Posterize": lambda: ImageOps.posterize(image, int(amount)),
        "Solarize": lambda: ImageOps.solarize(image, amount),
        "AutoContrast": lambda: ImageOps.autocontrast(image),
        "Equalize": lambda: ImageOps.equalize(image),
    }[name]()
    return np.asarray(done).reshape(pixels.shape)


def operated(images, name, amount):
    count = len(images)
    operation = np.full(count, operations.NAMES.index(name), "int32")
    done = operations.operate(keras.ops.array(images, "float32"), operation, np.full(count, amount, "float32"))
    return keras.ops.convert_to_numpy(done)


AMOUNTS = {
    "Identity": (0,),
    "ShearX": (0.3, -0.99, 0.09, 0.0),
    "ShearY": (0.3, -0.99, 0.09, 0.0),
    "TranslateX": (5, -17, 0, 50),
    "TranslateY": (5, -17, 0, -50),
    "Rotate": (9, -30, 135, 45, 0, 0.5),
    "Brightness": (0.27, -0.99, 0.9, 0.0),
    "Color": (0.27, -0.99, 0.9, 0.0),
    "Contrast": (0.27, -0.99, 0.9, 0.0),
    "Sharpness": (0.27, -0.99, 0.9, 0.0),
    "Posterize": (8, 7, 4, 2),
    "Solarize": (178.5, 255, 0, 76.5),
    "AutoContrast": (0,),
    "Equalize": (0,),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "amount"), [(name, amount) for name, amounts in AMOUNTS.items() for amount in amounts]
)
def test_does_what_pillow_does(name, amount, channels):
    """Every pixel alike, but for rounding in float32: of a turned image 1 pixel in 500 may come from the place beside
    it, and a product just below a whole level may end on the one below it.
    """
    images = photographs(channels)
    expected = np.stack([pillow(image, name, amount) for image in images]).astype("float32")
    obtained = operated(images, name, amount)
    away = np.abs(obtained - expected)
    if name in ("AutoContrast", "Brightness", "Color", "Contrast", "Sharpness"):
        assert away.max() <= 1
    elif name in ("Rotate", "ShearX", "ShearY"):
        assert (away > 0).mean() <= 1 / 500
    else:
        assert away.max() == 0


def test_there_are_fourteen_and_each_is_tested():
    assert len(operations.NAMES) == 14
    assert set(AMOUNTS) == set(operations.NAMES)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_the_smallest_images_pass_through_all_operations(side):
    images = np.full((14, side, side, 3), 9, "float32")
    done = operations.operate(keras.ops.array(images), np.arange(14, dtype="int32"), np.ones(14, "float32"))
    assert np.isfinite(keras.ops.convert_to_numpy(done)).all()


def test_each_sample_gets_its_own_operation():
    """A grey ramp: the identity, brightness halved, one pixel to the right, one bit kept, inverted from 100 on."""
    images = np.tile(np.array([[[[0], [50], [100], [200]]]], "float32"), (5, 1, 1, 1))
    names = ("Identity", "Brightness", "TranslateX", "Posterize", "Solarize")
    operation = np.array([operations.NAMES.index(name) for name in names], "int32")
    done = operations.operate(keras.ops.array(images), operation, np.array([0, -0.5, 1, 1, 100], "float32"))
    assert keras.ops.convert_to_numpy(done)[:, 0, :, 0].tolist() == [
        [0, 50, 100, 200],
        [0, 25, 50, 100],
        [0, 0, 50, 100],
        [0, 0, 0, 128],
        [0, 50, 155, 55],
    ]


def test_rounds_to_whole_levels():
    rounded = levels.whole(keras.ops.array([[-3.0, 0.4, 1.6, 255.4, 300.0]]))
    assert keras.ops.convert_to_numpy(rounded).tolist() == [[0, 0, 2, 255, 255]]


def test_smooths_as_pillow_does():
    image = photographs(3)[0]
    expected = np.asarray(Image.fromarray(image).filter(ImageFilter.SMOOTH))
    obtained = levels.smooth(keras.ops.array(image[None], "float32"))
    inside = levels.inner(*image.shape[:2])[0].astype(bool)
    assert np.array_equal(keras.ops.convert_to_numpy(obtained)[0][inside[..., 0]], expected[inside[..., 0]])
    assert inside.sum() == 31 * 38


def test_the_space_of_torchvision():
    """Ends and the ninth of 30 magnitudes, as torchvision publishes them for RandAugment."""
    table = operations.amounts(0.3, 150 / 331, 30, 0.9, 4)
    row = dict(zip(operations.NAMES, table.tolist(), strict=True))
    assert {name: (amounts[0], round(amounts[9], 4), amounts[30]) for name, amounts in row.items()} == {
        **dict.fromkeys(("Identity", "AutoContrast", "Equalize"), (0, 0, 0)),
        **dict.fromkeys(("ShearX", "ShearY"), (0, 0.09, 0.3)),
        **dict.fromkeys(("TranslateX", "TranslateY"), (0, round(45 / 331, 4), 150 / 331)),
        "Rotate": (0, 9, 30),
        **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), (0, 0.27, 0.9)),
        "Posterize": (8, 7, 4),
        "Solarize": (255, 178.5, 0),
    }
    bits = table[operations.NAMES.index("Posterize")]
    assert bits.tolist() == [8] * 4 + [7] * 8 + [6] * 7 + [5] * 8 + [4] * 4


def test_signs_are_drawn_where_there_are_two():
    assert [name for name, signed in zip(operations.NAMES, operations.SIGNED, strict=True) if signed] == [
        *("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness"),
    ]
