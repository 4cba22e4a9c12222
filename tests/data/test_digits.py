import numpy as np
import pytest

from kerastricks import data


def test_holds_out_a_stratified_fifth():
    digits = data.load("digits")
    assert digits.classes == tuple("0123456789")
    assert digits.image_shape == (8, 8, 1)
    (images, labels), (_, held_out) = digits.train, digits.validation
    assert len(labels) + len(held_out) == 1797
    assert np.abs(np.bincount(held_out) / np.bincount(np.concatenate([labels, held_out])) - 0.2).max() < 0.01
    assert (images.dtype, images.min(), images.max()) == ("uint8", 0, 255)


def test_the_seed_chooses_the_split():
    assert not np.array_equal(data.load("digits", seed=0).train[0], data.load("digits", seed=1).train[0])
    assert np.array_equal(data.load("digits", seed=1).train[0], data.load("digits", seed=1).train[0])


def test_refuses_another_size():
    with pytest.raises(ValueError, match="digits are 8×8. Received: image_size=16"):
        data.load("digits", image_size=16)


def test_a_folder_of_the_same_name_is_said(tmp_path, monkeypatch):
    assert data.load("digits").notes == ()
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    digits = data.load("digits")
    assert (len(digits.classes), digits.validation_from) == (10, "a fifth of the images, chosen by the seed")
    assert digits.notes == ("`digits` is the built-in data set; pass ./digits for the folder.",)


def test_a_part_holds_every_class_in_its_share():
    """64 of 1,438 images, and 64 of 359: each class has about a tenth of either."""
    part = data.load("digits", images=64)
    for _, labels in (part.train, part.validation):
        assert 60 <= len(labels) <= 68
        assert set(labels) == set(range(10))
