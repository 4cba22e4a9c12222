import colorsys

import keras
import numpy as np
import pytest

import kerastricks as kt


def jittered(pixels, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    """Colours in a row, through one set of coefficients."""
    images = keras.ops.array([[pixels]], "float32")
    draws = [np.array([value], "float32") for value in (brightness, contrast, saturation, hue)]
    return keras.ops.convert_to_numpy(kt.color_jitter(images, *draws))[0, 0]


COLOURS = [[100, 0, 0], [0, 100, 0], [0, 0, 100], [60, 60, 60]]


def test_coefficients_of_one_change_nothing():
    assert jittered(COLOURS) == pytest.approx(np.array(COLOURS), abs=1e-3)


def test_brightness_scales_and_stays_within_the_levels():
    assert jittered([[100, 10, 200]], brightness=1.4)[0] == pytest.approx([140, 14, 255], abs=1e-3)
    assert jittered([[100, 10, 200]], brightness=0.0)[0] == pytest.approx([0, 0, 0], abs=1e-3)


def test_the_trick_changes_the_images_and_not_the_targets():
    one = np.ones(1, "float32")
    images, targets = kt.ColorJitter().batch(
        keras.ops.ones((1, 2, 2, 3)) * 50.0, "targets", 1.4 * one, one, one, 0 * one
    )
    assert keras.ops.convert_to_numpy(images) == pytest.approx(70, abs=1e-3)
    assert targets == "targets"


def test_without_saturation_all_is_grey():
    grey = [[29.9] * 3, [58.7] * 3, [11.4] * 3, [60] * 3]
    assert jittered(COLOURS, saturation=0.0) == pytest.approx(np.array(grey), abs=1e-3)


def test_saturation_scales_the_distance_from_grey():
    """Grey of (100, 50, 50) is 0.299 · 100 + 0.701 · 50 = 64.95; half-way there."""
    assert jittered([[100, 50, 50]], saturation=0.5)[0] == pytest.approx([82.475, 57.475, 57.475], abs=1e-3)


def test_contrast_scales_the_distance_from_the_mean_grey():
    assert jittered([[50] * 3, [150] * 3], contrast=0.5) == pytest.approx(np.array([[75] * 3, [125] * 3]), abs=1e-3)
    both = jittered([[50] * 3, [150] * 3], contrast=0.5, brightness=1.2)
    assert both == pytest.approx(np.array([[90] * 3, [150] * 3]), abs=1e-3)


def test_hue_turns_colours_and_leaves_grey():
    turned = jittered([[120, 100, 90], [60, 60, 60]], hue=2 / 3)
    assert turned[1] == pytest.approx([60] * 3, abs=1e-3)
    assert turned[0] @ [0.299, 0.587, 0.114] == pytest.approx(104.84, abs=1e-2)
    before, after = (colorsys.rgb_to_yiq(*colour) for colour in ([120, 100, 90], turned[0]))
    turn = np.angle(complex(*after[1:]) / complex(*before[1:]))
    assert abs(turn) == pytest.approx(np.pi * 2 / 3, abs=0.02)


def test_half_a_turn_is_the_opposite_colour():
    """(120, 100, 90) lies (15.16, -4.84, -14.84) from its grey, 104.84."""
    expected = [104.84 - 15.16, 104.84 + 4.84, 104.84 + 14.84]
    for hue in (1.0, -1.0):
        assert jittered([[120, 100, 90]], hue=hue)[0] == pytest.approx(expected, abs=1e-2)


def test_one_channel_gets_brightness_and_contrast():
    assert jittered([[50], [150]], 1.2, 0.5, 0.3, 0.7).tolist() == pytest.approx(np.array([[90], [150]]), abs=1e-3)


def test_refuses_one_channel_where_it_would_change_colours_alone(setup):
    for settings in ({}, {"brightness": 0, "contrast": 0.1}):
        kt.ColorJitter(**settings).check(setup(images=np.zeros((1, 8, 8, 1), "uint8")))
    kt.ColorJitter(brightness=0).check(setup())
    with pytest.raises(ValueError, match="would have no effect: images of one channel"):
        kt.ColorJitter(brightness=0).check(setup(images=np.zeros((1, 8, 8, 1), "uint8")))


def test_refuses_two_channels(setup):
    with pytest.raises(ValueError, match="ColorJitter needs images with 1 or 3 channels"):
        kt.ColorJitter().check(setup(images=np.zeros((1, 8, 8, 2), "uint8")))


def test_the_draws_follow_their_distributions(plan):
    """10,000 of each, uniform about 1 or 0: the mean's deviation is x / 173."""
    drawn = kt.ColorJitter(0.4, 0.2, 1.0, 0.5).draw(np.random.default_rng(0), 10_000, 0, plan)
    for name, middle, width in (("brightness", 1, 0.4), ("contrast", 1, 0.2), ("saturation", 1, 1), ("hue", 0, 0.5)):
        assert drawn[name].mean() == pytest.approx(middle, abs=5 * width / 173)
        assert drawn[name].var() == pytest.approx(width**2 / 3, rel=0.05)
        assert drawn[name].min() == pytest.approx(middle - width, abs=width / 200)
        assert drawn[name].max() == pytest.approx(middle + width, abs=width / 200)


def test_a_setting_of_zero_leaves_its_coefficient(plan):
    assert set(kt.ColorJitter().draw(np.random.default_rng(0), 9, 0, plan)["contrast"].tolist()) == {1.0}


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_refuses_settings_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must lie between 0 and 1. Received"):
        kt.ColorJitter(**{name: value})


def test_refuses_to_do_nothing():
    with pytest.raises(ValueError, match="would have no effect: .* are all 0"):
        kt.ColorJitter(0, 0, 0, 0)
