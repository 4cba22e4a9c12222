import pytest
from PIL import Image


@pytest.fixture
def fill():
    """Returns a function that puts images into folders below a root: `{"train/a": 3}` makes 0.png to 2.png there."""

    def images(root, counts, size=(4, 4)):
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                Image.new("RGB", size).save(root / folder / f"{index}.png")

    return images
