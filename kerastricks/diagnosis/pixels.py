"""Pixels that are scaled twice, or never."""

from collections.abc import Iterator

import numpy as np
from keras import layers, ops

from kerastricks.diagnosis import inside
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding

FLAT, LOUD = 0.02, 30.0  # the largest range of pixels that were scaled twice; a value that none has that was scaled
OFF = 100.0  # times, between the variance that a normalization has learned and that of the data


def scaling(case: Case) -> Iterator[Finding]:
    """Pixels of another range than the first kernel can use."""
    if not case.graph or case.train is None or not case.train.are_images or not case.fits(case.train):
        return
    images = case.train.images
    found = inside.entry(case.model, images)
    if found is None or np.ptp(images) == 0:
        return
    taken = found.images
    axes = tuple(range(taken.ndim - 1))
    width, lowest, highest = float(np.max(np.ptp(taken, axis=axes))), float(taken.min()), float(taken.max())
    given = f"images of {images.min():.3g} to {images.max():.3g}"
    reach = f"reach the first kernel, '{found.layer.name}', as {lowest:.3g} to {highest:.3g}"
    learned = _learned(found)
    if width < FLAT:
        yield Finding(
            "pixels scaled twice",
            "The images are nearly flat when they reach the first kernel.",
            f"{given} {reach}",
            "Hand the images over as they are, 0 to 255, or take the scaling out of the model or out of the data.",
        )
    elif learned is not None and not 1 / OFF < learned < OFF:
        yield Finding(
            "pixels never scaled" if learned > 1 else "pixels scaled twice",
            "The images have another scale than those that the network has learned on.",
            f"{given} {reach}; behind it their variance is {learned:,.3g} times the one learned",
            "Scale the images as for its training: keras.applications' preprocess_input of this network, or Rescaling.",
        )
    elif lowest >= 0 and highest > LOUD and found.norm is None and not found.normalized:
        yield Finding(
            "pixels never scaled",
            "Kernels are initialized for inputs of about -1 to 1.",
            f"{given} {reach}",
            "keras.layers.Rescaling(1 / 255) as the first layer.",
        )


def _learned(found: inside.Entry) -> float | None:
    """Returns how many times the variance of the data is that of a BatchNormalization that has learned."""
    if not isinstance(found.norm, layers.BatchNormalization):
        return None
    variance = ops.convert_to_numpy(found.norm.moving_variance)
    mean = ops.convert_to_numpy(found.norm.moving_mean)
    if (np.all(mean == 0) and np.all(variance == 1)) or found.made.shape[1:] != variance.shape:
        return None
    return float(np.median((found.made[1] + 1e-12) / (variance + 1e-12)))
