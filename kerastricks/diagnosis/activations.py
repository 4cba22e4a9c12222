"""A network that gives the same answer for every image, and units that are zero for all of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import layers, ops

from kerastricks.diagnosis import inside
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.diagnosis.sample import spread
from kerastricks.models.graph import head
from kerastricks.models.heads import probabilities

LEAST, SOME = 16, 64  # images
ALIKE = 1e-4  # standard deviation of a probability over images, of a network that was trained
SAME = 1e-6  # of an output, of a new one, whose outputs may be huge or tiny: a share of the largest
TRAINED = 50  # updates
DEAD = 0.9  # of the units of a layer
UNITS = 8  # of a layer, at least


def same_answer(case: Case) -> Iterator[Finding]:
    """The same answer for every image."""
    answers = case.answers
    if answers is None or case.train is None or len(answers) < LEAST or np.ptp(case.train.images) == 0:
        return
    if not np.isfinite(answers).all():
        bad = int(np.sum(~np.isfinite(answers).all(axis=1)))
        yield Finding(
            "answers that are no numbers",
            "The network holds weights, or gets images, that are not finite.",
            f"NaN or infinite for {bad} of {len(answers)} images",
            "Look for NaN in the data; lower the learning rate, or clip gradients: kt.GradientClipping().",
        )
        return
    kind = {"linear": "logits", None: case.outputs_are or "probabilities"}.get(case.activation, "probabilities")
    if answers.shape[1] == 1:
        found = answers if kind == "probabilities" else probabilities(answers, "sigmoid")
    else:
        found = probabilities(answers, kind)
    trained = case.updates >= TRAINED or len(case.curves.get("loss", [])) > 1
    apart = float(found.astype("float64").std(axis=0).max())
    raw = float(answers.astype("float64").std(axis=0).max())
    if apart > ALIKE or (not trained and (raw > SAME * np.abs(answers).max() or _blank(case.model))):
        return
    if case.classes == 1 and case.activation == "softmax":
        return  # told by the loss
    yield Finding(
        "same answer for every image",
        "The outputs do not depend on the image.",
        f"over {len(answers)} images a probability varies by {apart:.1g} (standard deviation)",
        "Look at the scale of the pixels, at dead units and at a learning rate that is too high.",
    )


def _blank(model: Any) -> bool:
    """Tells whether the last kernel is still zero, as some networks begin."""
    try:
        kernel = getattr(head(model), "kernel", None)
    except Exception:
        return False
    return kernel is None or not np.any(ops.convert_to_numpy(kernel))


def dead_units(case: Case) -> Iterator[Finding]:
    """Layers whose ReLUs are zero for every image."""
    if not case.graph or case.train is None or not case.fits(case.train):
        return
    images = case.train.images[spread(len(case.train.images), SOME)]
    if len(images) < LEAST or not case.model.trainable_variables:
        return
    worst: tuple[float, int, str] | None = None
    layers_found: dict[str, list[np.ndarray]] = {}
    for operation, tops in inside.activations(case.model, images, _is_relu, _tops):
        layers_found.setdefault(operation.name, []).append(tops.max(axis=0))
    for name, places in layers_found.items():
        units = np.max(places, axis=0)  # a layer that is called twice lives if it does in one place
        share = float(np.mean(units <= 0))
        if len(units) >= UNITS and share >= DEAD and (worst is None or share > worst[0]):
            worst = share, len(units), name
    if worst is not None:
        share, count, name = worst
        yield Finding(
            "dead ReLUs",
            "Units that are zero for every image learn nothing more.",
            f"{round(share * count)} of the {count} units of '{name}' are zero for all of {len(images)} images",
            "Lower the learning rate, look at the scale of the pixels, or initialize anew with he_normal.",
        )


def _is_relu(operation: Any) -> bool:
    if isinstance(operation, layers.ReLU):
        return not operation.negative_slope and not operation.threshold
    return getattr(getattr(operation, "activation", None), "__name__", "") in ("relu", "relu6")


def _tops(array: np.ndarray) -> np.ndarray:
    """Returns the largest value of each unit over a batch, (1, C)."""
    return array.reshape(-1, array.shape[-1]).max(axis=0, keepdims=True)
