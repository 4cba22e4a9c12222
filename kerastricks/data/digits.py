"""The 1,797 handwritten digits that scikit-learn ships: 8×8 pixels, ten classes, no download."""

import numpy as np

from kerastricks.data.split import stratified_split

CLASSES = tuple(str(digit) for digit in range(10))


def all_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns the images, uint8 (1797, 8, 8, 1), and their labels."""
    from sklearn import datasets  # takes a second to import

    images, labels = datasets.load_digits(return_X_y=True)
    return np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype("uint8"), labels.astype("int32")


def load_digits(seed: int) -> tuple[tuple[str, ...], tuple, tuple]:
    """Returns the class names, and (images, labels) for training and for validation, a stratified fifth."""
    images, labels = all_digits()
    train, validation = stratified_split(labels, seed)
    return CLASSES, (images[train], labels[train]), (images[validation], labels[validation])


def check_files(**settings: object) -> None:
    """Raises a `ValueError` if a setting is given that is for files."""
    for name, value in settings.items():
        if value not in (None, False):
            raise ValueError(f"`{name}` is for folders. Received: {name}={value!r} with digits")


def check_size(image_size: int | None) -> None:
    """Raises a `ValueError` if another size is asked for than digits have."""
    if image_size not in (None, 8):
        raise ValueError(f"`image_size` is for folders; digits are 8×8. Received: image_size={image_size}")
