import pickle

import numpy as np
import pytest
from PIL import Image

from kerastricks.data.pixels import Files, Subset, load_pixels, tolerance


@pytest.fixture
def paths(tmp_path):
    """Grey levels 0, 50, 100 and 150."""
    made = [str(tmp_path / f"{index}.png") for index in range(4)]
    for index, path in enumerate(made):
        Image.new("RGB", (6, 6), (50 * index,) * 3).save(path)
    return made


def levels(images, rows):
    return images[np.array(rows)][:, 0, 0, 0].tolist()


def test_from_the_cache_and_from_the_files_they_are_the_same(paths):
    cached = load_pixels(paths, 6, 1.0, lambda done, total: None)
    with pytest.warns(UserWarning, match="432 B|4.32e-07 GB, more than the cache may: 1e-07 GB"):
        streamed = load_pixels(paths, 6, 1e-7, lambda done, total: None)
    assert isinstance(streamed, Files)
    for images in (cached, streamed, pickle.loads(pickle.dumps(streamed))):
        assert (images.shape, levels(images, [3, 1])) == ((4, 6, 6, 3), [150, 50])


def test_only_the_rows_that_are_asked_for_are_decoded(paths):
    seen = []
    load_pixels(paths, 6, 1.0, lambda done, total: seen.append(total), np.array([1, 2]))
    load_pixels(paths, 6, 1.0, lambda done, total: seen.append(total))
    assert seen == [2, 2]


def test_a_subset_has_an_order_of_its_own(paths):
    subset = Subset(load_pixels(paths, 6, 1.0, lambda done, total: None), np.array([3, 0, 1]))
    assert (subset.shape, levels(subset, [0, 2])) == ((3, 6, 6, 3), [150, 50])


def test_files_that_were_tolerated_are_counted():
    assert tolerance(0) == []
    assert tolerance(1) == ["1 JPEG file needed Pillow's more tolerant decoder."]
    assert tolerance(2) == ["2 JPEG files needed Pillow's more tolerant decoder."]
