"""The 1,797 handwritten digits that scikit-learn ships: 8×8 pixels, ten classes, no download."""

import numpy as np

from kerastricks.data.split import stratified_split


def load_digits(seed: int) -> tuple[tuple[str, ...], tuple, tuple]:
    """Returns the class names, and (images, labels) for training and for validation, a stratified fifth."""
    from sklearn import datasets  # takes a second to import

    images, labels = datasets.load_digits(return_X_y=True)
    images = np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype("uint8")
    labels = labels.astype("int32")
    train, validation = stratified_split(labels, seed)
    names = tuple(str(digit) for digit in range(10))
    return names, (images[train], labels[train]), (images[validation], labels[validation])
