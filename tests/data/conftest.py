import pytest
from PIL import Image


@pytest.fixture
def save():
    """Returns a function that saves an image of one colour, but for a pixel in the corner: no two are the same."""
    made = 0

    def image(path, colour=(0, 0, 0), size=(4, 4)):
        nonlocal made
        made += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", size, colour)
        picture.putpixel((size[0] - 1, size[1] - 1), (made // 256, made % 256, 0))
        picture.save(path)

    return image


@pytest.fixture
def fill(save):
    """Returns a function that puts images into folders below a root: `{"train/a": 3}` makes 0.png to 2.png there."""

    def images(root, counts, size=(4, 4)):
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                save(root / folder / f"{index}.png", size=size)

    return images
