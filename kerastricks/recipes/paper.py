"""The rows of the paper's tables 2, 3 and 6, for three networks: one recipe per row and network.

He et al., 2018, "Bag of Tricks for Image Classification with Convolutional Neural Networks", arXiv:1812.01187. The
figures are the paper's, top-1 accuracy on ImageNet in percent; they were not measured here.
"""

from typing import Any, NamedTuple


class Network(NamedTuple):
    """A network of the paper: what `--model` calls it, its crop, the side that images are loaded at, in pixels."""

    title: str
    model: str
    crop: int
    image_size: int
    zero_gamma: bool


class Row(NamedTuple):
    """A row: what it adds in words, its settings, and the paper's figure for each of `NETWORKS`."""

    what: str
    table: str
    figures: tuple[float, float, float]
    efficient: bool = True  # batch 1,024, linear scaling, warmup, zero γ, no bias decay, low precision
    cosine: bool = True
    smoothing: bool = True
    mixup: bool = False
    teacher: bool = False


NETWORKS = {
    "resnet50d": Network("ResNet-50-D", "resnet50d", 224, 256, zero_gamma=True),
    "inception_v3": Network("Inception-V3", "InceptionV3", 299, 342, zero_gamma=False),
    "mobilenet": Network("MobileNet", "MobileNet", 224, 256, zero_gamma=False),
}
ROWS = {
    "baseline": Row(
        "the baseline: batch 256, the learning rate falls by ten at epochs 30, 60 and 90",
        "table 2, where the first network is ResNet-50",
        (75.87, 77.32, 69.03),
        efficient=False,
        cosine=False,
        smoothing=False,
    ),
    "efficient": Row(
        "efficient training: batch 1,024, scaling, warmup, zero γ, no bias decay, low precision",
        "tables 3 and 6",
        (77.16, 77.50, 71.90),
        cosine=False,
        smoothing=False,
    ),
    "cosine": Row("efficient training with cosine decay", "table 6", (77.91, 78.19, 72.83), smoothing=False),
    "smoothing": Row("cosine decay and label smoothing", "table 6", (78.31, 78.40, 72.93)),
    "distillation": Row("smoothing and a teacher, ResNet-152-D", "table 6", (78.67, 78.26, 71.97), teacher=True),
    "mixup": Row("smoothing and mixup, 200 epochs", "table 6", (79.15, 78.77, 73.28), mixup=True),
    "mixup_distillation": Row(
        "smoothing, mixup and a teacher, ResNet-152-D, 200 epochs",
        "table 6",
        (79.29, 78.34, 72.51),
        mixup=True,
        teacher=True,
    ),
}
NAMES = tuple(f"{network}/{row}" for network in NETWORKS for row in ROWS)
TEACHER = "resnet152d.keras"


def describe(name: str) -> str:
    """Returns what a recipe is, the paper's figure, and the commands that train it."""
    network, row = _look_up(name)
    figure = row.figures[list(NETWORKS.values()).index(network)]
    harms = row.teacher and not network.zero_gamma
    lines = [
        f"{network.title}, {row.what}.{' In the paper the teacher harms this network.' if harms else ''}",
        "",
        f"The paper's figure: {figure:.2f} % top-1 on ImageNet (arXiv:1812.01187, {row.table}); not measured here.",
        "",
    ]
    size = network.image_size
    if row.teacher:
        family = "inception_v3" if network.crop == 299 else "resnet50d"
        teacher = f"{family}/{'mixup' if row.mixup else 'smoothing'}"
        lines += [
            f"The teacher comes first; copy its model.keras to {TEACHER}, where you run the second command:",
            "",
            f"    kerastricks train imagenet/ --recipe {teacher} --model resnet152d --image-size {size}",
        ]
    lines.append(f"    kerastricks train imagenet/ --recipe {name} --model {network.model} --image-size {size}")
    return "\n".join(lines)


def recipe(name: str) -> Any:
    """Returns the `Recipe` of a name in `NAMES`."""
    from kerastricks import tricks
    from kerastricks.training.recipe import Recipe

    network, row = _look_up(name)
    images = (
        tricks.RandomResizedCrop(network.crop),
        tricks.RandomFlip(),
        tricks.ColorJitter(brightness=0.4, saturation=0.4, hue=0.4),
        tricks.PCANoise(0.1),
    )
    chosen: list = [tricks.CosineDecay() if row.cosine else tricks.StepDecay((30, 60, 90)), *images]
    if row.efficient:
        chosen = [tricks.LinearScaling(256), tricks.Warmup(5), *chosen]
        chosen += [tricks.ZeroGamma()] if network.zero_gamma else []
        chosen += [tricks.NoBiasDecay(), tricks.LowPrecision()]
    chosen += [tricks.LabelSmoothing(0.1)] if row.smoothing else []
    chosen += [tricks.MixUp(0.2)] if row.mixup else []
    chosen += [tricks.Distillation(TEACHER)] if row.teacher else []
    return Recipe(
        tuple(chosen),
        learning_rate=0.1,
        weight_decay=1e-4,
        epochs=200 if row.mixup else 120,
        batch_size=1024 if row.efficient else 256,
    )


def _look_up(name: str) -> tuple[Network, Row]:
    network, _, row = name.partition("/")
    return NETWORKS[network], ROWS[row]
