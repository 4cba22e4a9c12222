"""The rows of the paper's table 2, for ResNet-50: one recipe per procedure.

Wightman, Touvron and Jégou, 2021, "ResNet strikes back: An improved training procedure in timm", arXiv:2110.00476. The
figures are the paper's, top-1 accuracy on ImageNet in percent; they were not measured here.
"""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """A procedure: what it is for, the paper's figure, and where its settings differ from those of the others."""

    what: str
    figure: float
    epochs: int
    learning_rate: float
    weight_decay: float
    magnitude: int  # of RandAugment, out of timm's 10
    mixup: float
    train_size: int = 224
    smoothing: float = 0.0
    depth: float = 0.0  # rate of stochastic depth
    repeats: int = 1
    threshold: float | None = 0.2  # above which a mixed target is 1


ROWS = {
    "a1": Row(
        "the longest, 600 epochs", 80.4, 600, 5e-3, 0.01, 7, 0.2, smoothing=0.1, depth=0.05, repeats=3, threshold=None
    ),
    "a2": Row("300 epochs", 79.8, 300, 5e-3, 0.02, 7, 0.1, depth=0.05, repeats=3),
    "a3": Row("the shortest, 100 epochs at 160 pixels, tested at 224", 78.1, 100, 8e-3, 0.02, 6, 0.1, train_size=160),
}
FAMILY = "resnet_strikes_back"
NAMES = tuple(f"{FAMILY}/{row}" for row in ROWS)
TEST_SIZE, IMAGE_SIZE = 224, 236  # of which the first is 0.95

_OTHERWISE = """\
LAMB at batch 2,048, binary cross-entropy, RandAugment, and mixup or CutMix in each batch.

What is other here: crops are made from squares of 236 pixels; the rate changes update by update, not epoch by epoch,
and its cosine begins after the warmup; RandAugment has torchvision's fourteen operations, each at its place in any case
and at one magnitude, where timm draws from fifteen, leaves each out half of the time and varies the magnitude with a
deviation of 0.5; posterizing keeps 5 or 6 bits, not 2; what is moved is filled with black, from the nearest pixels, not
with the mean colour, interpolated; bilinear resizing and not bicubic; one mixing, and the moments of
BatchNormalization, for the whole batch of 2,048, not for each GPU's share. Clipping of gradients at norm 1, zero γ and
the threshold for mixed targets, which the table leaves out, are those of timm."""
_RESIZED = "\nCrops are made at 224 pixels and then resized to 160."


def describe(name: str) -> str:
    """Returns what a recipe is, the paper's figure, what differs here, and the command that trains it."""
    row = _look_up(name)
    label = name.partition("/")[2].upper()
    lines = [
        f"ResNet-50, procedure {label}: {row.what}.",
        "",
        f"The paper's figure: {row.figure} % top-1 on ImageNet (arXiv:2110.00476, table 2); not measured here.",
        "",
        _OTHERWISE + _RESIZED * (row.train_size < TEST_SIZE),
        "",
        f"    kerastricks train imagenet/ --recipe {name} --model resnet50b --image-size {IMAGE_SIZE}",
    ]
    return "\n".join(lines)


def recipe(name: str) -> Any:
    """Returns the `Recipe` of a name in `NAMES`."""
    from kerastricks import tricks
    from kerastricks.optimizers.lamb import Lamb
    from kerastricks.training.recipe import Recipe

    row = _look_up(name)
    scale = row.train_size / TEST_SIZE
    chosen: list[Any] = [
        tricks.Warmup(5, start=1e-4),
        tricks.CosineDecay(minimum=1e-6),
        tricks.ZeroGamma(),
        tricks.NoBiasDecay(),
        tricks.GradientClipping(1.0),
    ]
    chosen += [tricks.StochasticDepth(row.depth)] if row.depth else []
    chosen += [tricks.RepeatedAugmentation(row.repeats)] if row.repeats > 1 else []
    chosen += [tricks.RandomResizedCrop(TEST_SIZE)]
    chosen += [tricks.ProgressiveResizing(initial_scale=scale, final_scale=scale)] if scale < 1 else []
    chosen += [tricks.RandomFlip(), tricks.RandAugment(operations=2, magnitude=3 * row.magnitude)]
    chosen += [tricks.LabelSmoothing(row.smoothing)] if row.smoothing else []
    chosen += [
        tricks.RandomChoice((tricks.MixUp(row.mixup), tricks.CutMix(1.0))),
        tricks.BinaryCrossentropy(row.threshold),
    ]
    return Recipe(
        tuple(chosen),
        optimizer=Lamb,
        learning_rate=row.learning_rate,
        weight_decay=row.weight_decay,
        epochs=row.epochs,
        batch_size=2048,
    )


def _look_up(name: str) -> Row:
    return ROWS[name.removeprefix(f"{FAMILY}/")]
