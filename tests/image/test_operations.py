"""Each operation of RandAugment and TrivialAugment against what Pillow does, as torchvision calls it."""

import functools
import math

import keras
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from kerastricks.image import levels, operations
from kerastricks.tricks import rand_augment, trivial_augment

# Beside the magnitudes of the two tricks.
AMOUNTS = {
    "Brightness": (0.06, -1.0, 3.0),
    "Color": (0.06, -1.0, 3.0),
    "Contrast": (0.06, -1.0, 3.0),
    "Sharpness": (0.06, -1.0, 3.0),
    "TranslateX": (50, -50),
    "TranslateY": (50, -50),
    "Rotate": (180, 0.5, -0.5, 359.5, 9.3, -77.7),
    "Solarize": (256,),
}


def photographs(count, height, width, channels):
    """Waves with noise, uint8 of (count, height, width, channels); each second in a narrow range, the third flat."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(rows / 7 + c) * np.cos(columns / 5 + n) for n in range(count) for c in range(channels)]
    images = np.moveaxis(np.reshape(waves, (count, channels, height, width)), 1, 3)
    images = np.clip(images + random.normal(0, 12, images.shape), 0, 255)
    share, least = random.uniform(0.05, 0.5, (2, count, 1, 1, 1))
    images[1::2] = (images * share + 255 * least)[1::2]
    images[2:3] = 77
    return images.astype("uint8")


def transform(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)


def slope(amount):
    """Torchvision takes a slope for an angle and back."""
    return math.tan(math.radians(math.degrees(math.atan(amount))))


def pillow(pixels, name, amount):
    """The operation on one image, by Pillow."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    done = {
        "Identity": lambda: image,
        "ShearX": lambda: transform(image, (1, slope(amount), 0, 0, 1, 0)),
        "ShearY": lambda: transform(image, (1, 0, 0, slope(amount), 1, 0)),
        "TranslateX": lambda: transform(image, (1, 0, -int(amount), 0, 1, 0)),
        "TranslateY": lambda: transform(image, (1, 0, 0, 0, 1, -int(amount))),
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


def every_case(side):
    """Every operation at all magnitudes of both tricks, with both signs, and at `AMOUNTS`: 1,275 names and amounts."""
    rand = rand_augment.SPACE.copy()
    rand[3:5] = np.trunc(rand[3:5] * side + 1e-3)
    for name, signed, *magnitudes in zip(operations.NAMES, operations.SIGNED, rand, trivial_augment.SPACE, strict=True):
        magnitudes = np.float32([*np.ravel(magnitudes), *AMOUNTS.get(name, ())])
        for amount in [*magnitudes, *-magnitudes] if signed else magnitudes:
            yield name, float(amount)


def compiled(function):
    """The function as in a training step, where a compiler may fuse what it will."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.function(function)
    return function


def operated(images, names, amounts):
    operation = np.array([operations.NAMES.index(name) for name in names], "int32")
    arrays = images.astype("float32"), operation, np.array(amounts, "float32")
    done = compiled(operations.operate)(*map(keras.ops.convert_to_tensor, arrays))
    return keras.ops.convert_to_numpy(done)


@functools.cache
def differing(shape):
    """How many pixels differ from Pillow's, by operation, with one image for each of `every_case`."""
    names, amounts = zip(*every_case(shape[1]), strict=True)
    images = photographs(len(names), *shape)
    differ = dict.fromkeys(operations.NAMES, 0)
    for name, amount, image, obtained in zip(names, amounts, images, operated(images, names, amounts), strict=True):
        differ[name] += int((obtained != pillow(image, name, amount)).sum())
    return differ


@pytest.mark.parametrize("name", operations.NAMES)
@pytest.mark.parametrize("shape", [(32, 32, 3), (33, 40, 1)], ids=str)
def test_does_what_pillow_does(shape, name):
    """Pixel for pixel. On a square, Pillow turns by 90° and 180° in another way."""
    assert differing(shape)[name] == 0


def test_every_operation_is_among_the_cases():
    """Nine have two signs."""
    names = [name for name, _ in every_case(32)]
    assert len(names) == 2 * 31 * (9 * 2 + 5) + 2 * (4 * 3 + 2 * 2 + 6) + 1
    assert {name: names.count(name) for name in ("Identity", "Rotate", "Solarize")} == {
        "Identity": 62,
        "Rotate": 136,
        "Solarize": 63,
    }


def test_one_level_that_float32_in_another_order_gets_wrong():
    """50 * 1.06 is just below 53 in float32, and the fraction is cut; of 0 to 25, Pillow's doubles make 254."""
    images = np.full((2, 1, 2, 1), 50, "uint8")
    images[1, 0, :, 0] = 0, 25
    done = operated(images, ("Brightness", "AutoContrast"), (0.06, 0))
    assert done[:, 0, :, 0].tolist() == [[52, 52], [0, 254]]


def test_stretches_every_range_as_pillow_does():
    """All 32,896 ranges with all their levels, by the formula of `ImageOps.autocontrast` in Python's doubles."""
    level = np.arange(256.0)
    least, most = level[:, np.newaxis], level[np.newaxis]
    pairs = (keras.ops.array(np.broadcast_to(end, (256, 256)), "float32") for end in (least, most))
    table = keras.ops.convert_to_numpy(levels.autocontrast(*pairs))
    scale = (255.0 / np.maximum(most - least, 1))[..., np.newaxis]
    expected = np.trunc(level * scale + -least[..., np.newaxis] * scale)
    expected = np.where((most > least)[..., np.newaxis], expected, level)
    inside = (least[..., np.newaxis] <= level) & (level <= most[..., np.newaxis])
    assert inside.sum() == 256 * 257 * 258 // 6
    assert np.array_equal(table[inside], expected[inside])


@pytest.mark.parametrize("side", [1, 2, 3])
def test_the_smallest_images_pass_through_all_operations(side):
    """As through Pillow: no pixel has eight neighbours below three, so that Sharpness leaves the image alone."""
    images = np.random.default_rng(0).integers(0, 256, (14, side, side, 3), "uint8")
    done = operated(images, operations.NAMES, np.ones(14))
    expected = [pillow(image, name, 1) for image, name in zip(images, operations.NAMES, strict=True)]
    assert np.array_equal(done, np.stack(expected))


def test_each_sample_gets_its_own_operation():
    """A grey ramp: the identity, brightness halved, one pixel to the right, one bit kept, inverted from 100 on."""
    images = np.tile(np.array([[[[0], [50], [100], [200]]]], "float32"), (5, 1, 1, 1))
    names = ("Identity", "Brightness", "TranslateX", "Posterize", "Solarize")
    assert operated(images, names, [0, -0.5, 1, 1, 100])[:, 0, :, 0].tolist() == [
        [0, 50, 100, 200],
        [0, 25, 50, 100],
        [0, 0, 50, 100],
        [0, 0, 0, 128],
        [0, 50, 155, 55],
    ]


def test_rounds_to_whole_levels():
    rounded = levels.whole(keras.ops.array([[-3.0, 0.4, 1.6, 255.4, 300.0]]))
    assert keras.ops.convert_to_numpy(rounded).tolist() == [[0, 0, 2, 255, 255]]


def test_the_mean_of_a_large_image_is_exact():
    """Half of 300×300 levels are 254 and half 255, the mean 254.5 becomes 255; with one more of 254, it is 254."""
    images = np.full((2, 300, 300, 1), 254, "float32")
    images[:, 150:] = 255
    images[0, -1, -1] = 254
    assert keras.ops.convert_to_numpy(levels.mean_level(keras.ops.array(images))).ravel().tolist() == [254, 255]


def test_smooths_as_pillow_does():
    """But for the border, which is zero, as is an image that was not chosen."""
    images = photographs(2, 33, 40, 3)
    chosen = keras.ops.reshape(keras.ops.array([1.0, 0.0]), (2, 1, 1, 1))
    obtained = keras.ops.convert_to_numpy(levels.smooth(keras.ops.array(images, "float32"), chosen))
    expected = np.asarray(Image.fromarray(images[0]).filter(ImageFilter.SMOOTH)) * levels.inner(33, 40)[0]
    assert np.array_equal(obtained[0], expected)
    assert levels.inner(33, 40).sum() == 31 * 38
    assert not obtained[1].any()


def test_the_space_of_torchvision():
    """Ends and the ninth of 30 magnitudes, as torchvision publishes them for RandAugment."""
    table = operations.amounts(0.3, 150 / 331, 30, 0.9, 4)
    row = dict(zip(operations.NAMES, table.tolist(), strict=True))
    assert {name: tuple(round(amounts[i], 4) for i in (0, 9, 30)) for name, amounts in row.items()} == {
        **dict.fromkeys(("Identity", "AutoContrast", "Equalize"), (0, 0, 0)),
        **dict.fromkeys(("ShearX", "ShearY"), (0, 0.09, 0.3)),
        **dict.fromkeys(("TranslateX", "TranslateY"), (0, round(45 / 331, 4), round(150 / 331, 4))),
        "Rotate": (0, 9, 30),
        **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), (0, 0.27, 0.9)),
        "Posterize": (8, 7, 4),
        "Solarize": (255, 178.5, 0),
    }
    bits = table[operations.NAMES.index("Posterize")]
    assert bits.tolist() == [8] * 4 + [7] * 8 + [6] * 7 + [5] * 8 + [4] * 4


def test_magnitudes_are_those_of_torch():
    """A step is 1.0666667, a little above 16/15; 32 less 15 of them, rounded once, is the number below 16."""
    assert [str(number) for number in operations.magnitudes(32)[14:17]] == ["14.933334", "15.999999", "17.066666"]
    if keras.backend.backend() != "torch":
        return
    import torch

    if torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        pytest.skip("a processor on which PyTorch rounds product and sum one after the other")
    for most in (0.3, 0.99, 0.9, 30, 135, 32, 255, *(150 / 331 * side for side in range(1, 1000))):
        assert np.array_equal(operations.magnitudes(most), torch.linspace(0, most, 31).numpy())


def test_signs_are_drawn_where_there_are_two():
    assert [name for name, signed in zip(operations.NAMES, operations.SIGNED, strict=True) if signed] == [
        *("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness"),
    ]
