import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks.image import geometry

AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (7, 30), (48, 64)])
def test_crops_and_resizes_as_pillow_does(size, channels):
    """Within one level: Pillow rounds to whole levels between its two passes and at the end."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 48, 64, channels), "uint8")
    boxes = np.array([[0, 0, 48, 64], [3, 5, 20, 31], [47, 63, 1, 1], [10, 0, 30, 64], [1, 2, 5, 3]], "float32")
    expected = []
    for image, (top, left, tall, wide) in zip(images, boxes, strict=True):
        picture = Image.fromarray(image[..., 0] if channels == 1 else image)
        cut = picture.crop((left, top, left + wide, top + tall))
        resized = cut.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        expected.append(np.asarray(resized).reshape(*size, channels))
    obtained = numbers(geometry.crop_and_resize(keras.ops.array(images, "float32"), *boxes.T, size))
    assert np.abs(obtained - np.stack(expected)).max() <= 1.01


def test_weights_of_halving_and_doubling():
    """Four pixels to two: a triangle two pixels wide to each side, cut at the border: 3:3:1 of 7."""
    halving = numbers(geometry.resize_weights(np.zeros(1), np.full(1, 4), 4, 2))[0]
    assert halving == pytest.approx(np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7, abs=1e-6)
    doubling = numbers(geometry.resize_weights(np.ones(1), np.full(1, 2), 4, 4))[0]
    assert doubling == pytest.approx(
        np.array([[0, 1, 0, 0], [0, 0.75, 0.25, 0], [0, 0.25, 0.75, 0], [0, 0, 1, 0]]), abs=1e-6
    )


def test_whole_pixels_come_through_unchanged():
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3)).astype("float32")
    same = geometry.crop_and_resize(
        keras.ops.array(images), np.zeros(2), np.zeros(2), np.full(2, 6), np.full(2, 5), (6, 5)
    )
    assert np.array_equal(numbers(same), images)


def test_affine_moves_by_the_matrix():
    """Each pixel shows what is one column to its right and one row above; 32,768 units are half a pixel."""
    images = keras.ops.array(np.arange(1, 7, dtype="float32").reshape(1, 2, 3, 1))
    matrix = np.array([[65536, 0, 65536 + 32768, 0, 65536, -65536 + 32768]], "int32")
    moved = numbers(geometry.affine(images, keras.ops.array(matrix)))
    assert moved[0, :, :, 0].tolist() == [[0, 0, 0], [2, 3, 0]]


def matrices(height, width, *amounts):
    return numbers(geometry.turn_and_shear(height, width, *(keras.ops.array(amount, "float32") for amount in amounts)))


def test_turns_shears_and_translates_in_units_of_65536():
    """Of an image of two by four: nothing, 90° and 180° about its middle (2, 1), half a row per column, three right."""
    one, half, none = 65536, 32768, [0, 0, 0, 0, 0]
    obtained = matrices(2, 4, [0, 90, 180, 0, 0], none, [0, 0, 0, 0.5, 0], [0, 0, 0, 0, 3], none)
    assert obtained.tolist() == [
        [one, 0, half, 0, one, half],
        [0, -one, 2 * one + half, one, 0, -half],
        [-one, 0, 3 * one + half, 0, -one, one + half],
        [one, 0, half, half, one, half + half // 2],
        [one, 0, -2 * one - half, 0, one, half],
    ]


def test_turns_by_the_units_of_pillow():
    """Every magnitude of RandAugment and TrivialAugment, on 60 sizes, as Pillow computes the matrix in doubles."""
    degrees = np.union1d(np.arange(31.0), 4.5 * np.arange(31))
    degrees = np.concatenate([degrees, -degrees])
    none = np.zeros(len(degrees))
    angle = -np.radians(degrees)
    cos, sin = np.round(np.cos(angle), 15), np.round(np.sin(angle), 15)
    sides = [*range(1, 41), 48, 64, 96, 128, 160, 192, 224, 256, 299, 320, 331, 384, 448, 512, 600, 720, 768, 800, 1024]
    for height, width in [(side, side) for side in sides] + [(480, 640)]:
        x, y = width / 2, height / 2
        c, f = x - cos * x - sin * y, y + sin * x - cos * y
        doubles = np.stack([cos, sin, c + (cos + sin) / 2, -sin, cos, f + (cos - sin) / 2], axis=1)
        assert np.array_equal(matrices(height, width, degrees, *[none] * 4), np.floor(doubles * 65536 + 0.5))


def test_places_lie_inside_and_are_as_likely():
    """Five places for 6 of 10 pixels: 2,000 each of 10,000, deviation 40; the largest float32 below 1 is the last."""
    share = np.random.default_rng(0).random(10_000).astype("float32")
    counts = np.bincount(numbers(geometry.place(share, np.full(10_000, 6, "float32"), 10)).astype(int))
    assert len(counts) == 5
    assert np.abs(counts - 2_000).max() < 5 * 40
    ends = np.array([0, np.nextafter(np.float32(1), np.float32(0))])
    assert numbers(geometry.place(ends, np.array([6.0, 6.0], "float32"), 10)).tolist() == [0, 4]
    assert numbers(geometry.place(ends, np.array([1.0, 1.0], "float32"), 2**15)).tolist() == [0, 2**15 - 1]


def test_boxes_follow_their_distributions():
    """100,000 of each: the area and the logarithm of the aspect are uniform, with both ends."""
    drawn = geometry.draw_boxes(np.random.default_rng(0), 10_000, AREA, ASPECT)
    assert {name: value.shape for name, value in drawn.items()} == {
        **dict.fromkeys(("area", "aspect"), (10_000, 10)),
        **dict.fromkeys(("row", "column"), (10_000,)),
    }
    for values, least, most in (
        (drawn["area"], *AREA),
        (np.log(drawn["aspect"]), *np.log(ASPECT)),
        (drawn["row"], 0, 1),
        (drawn["column"], 0, 1),
    ):
        width = most - least
        deviation = width / np.sqrt(12 * values.size)
        assert values.mean() == pytest.approx((least + most) / 2, abs=5 * deviation)
        assert values.var() == pytest.approx(width**2 / 12, rel=0.03)
        assert values.min() == pytest.approx(least, abs=width / 500)
        assert values.max() == pytest.approx(most, abs=width / 500)


def test_takes_the_first_try_that_fits():
    fits = np.array([[False, True, True], [False, False, False], [True, False, True]])
    side = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "float32")
    found, chosen = geometry.first_that_fits(fits, keras.ops.array(side))
    assert numbers(found).tolist() == [True, False, True]
    assert numbers(chosen)[[0, 2]].tolist() == [2, 7]


@pytest.mark.parametrize(
    "area", [(0.5, 0.2), (0, 1), (0.1, 1.1), (-0.1, 0.5), 0.5, (0.1, 0.2, 0.3), (0.1, float("nan"))]
)
def test_refuses_areas_that_are_no_range(area):
    with pytest.raises(ValueError, match=r"`area` must be a pair \(least, most\) in \(0, 1\], least first. Received"):
        geometry.check_ranges(area, ASPECT)


@pytest.mark.parametrize("aspect", [(2, 1), (0, 1), (-1, 1), 1.0, (float("nan"), 1)])
def test_refuses_aspects_that_are_no_range(aspect):
    with pytest.raises(ValueError, match=r"`aspect` must be a pair \(least, most\) above 0, least first. Received"):
        geometry.check_ranges(AREA, aspect)


def test_refuses_aspects_without_end():
    with pytest.raises(ValueError, match="`aspect` must be finite. Received"):
        geometry.check_ranges(AREA, (1, float("inf")))


def test_resizes_whole_images():
    """Four columns to two, antialiased: 3, 3 and 1 parts of seven of the pixels within two of the middle; rows kept."""
    images = keras.ops.array(np.arange(8, dtype="float32").reshape(1, 2, 4, 1) * 7)
    assert numbers(geometry.resize(images, (2, 2)))[0, :, :, 0] == pytest.approx(
        np.array([[5, 16], [33, 44]]), abs=1e-4
    )
