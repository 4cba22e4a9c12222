"""One of several tricks, chosen at random."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.training.trick import HOOKS, Trick, overrides


def choose(choice, options):
    """Takes sample i from `options[choice[i]]`; the options are tensors of one shape, samples on the first axis."""
    chosen = options[0]
    for number, option in enumerate(options[1:], start=1):
        here = ops.reshape(ops.equal(choice, number), (-1,) + (1,) * (len(option.shape) - 1))
        chosen = ops.where(here, option, chosen)
    return chosen


@dataclasses.dataclass(frozen=True)
class RandomChoice(Trick):
    """Applies one of several tricks to each batch, chosen at random: for example, `MixUp` or `CutMix`.

        RandomChoice((MixUp(0.2), CutMix()), probabilities=(0.5, 0.5))

    Args:
        tricks: At least two tricks that change only images and targets, and keep the size of the images.
        probabilities: One per trick, above 0, with the sum 1; equal by default.
        per_sample: Whether the trick is chosen per sample, not per batch.

    Raises:
        ValueError: If `tricks` or `probabilities` are not as described.
    """

    tricks: tuple[Trick, ...] = ()
    probabilities: tuple[float, ...] | None = None
    per_sample: bool = False

    def __post_init__(self):
        object.__setattr__(self, "tricks", tuple(self.tricks))
        if len(self.tricks) < 2:
            raise ValueError(
                f"RandomChoice would have no effect: it chooses among at least two tricks. Received: {self.tricks}"
            )
        for trick in self.tricks:
            others = {*HOOKS, "draw_for"} - {"batch"}
            if not overrides(trick, "batch") or overrides(trick, *others):
                raise ValueError(
                    f"RandomChoice chooses among tricks that change images and targets alone. Received: {trick!r}"
                )
        if self.probabilities is None:
            return
        object.__setattr__(self, "probabilities", tuple(self.probabilities))
        if (
            len(self.probabilities) != len(self.tricks)
            or min(self.probabilities) <= 0
            or abs(sum(self.probabilities) - 1) > 1e-6
        ):
            raise ValueError(
                f"`probabilities` must be {len(self.tricks)} positive numbers that sum to one. "
                f"Received: probabilities={self.probabilities}"
            )

    @property
    def mixes(self):
        return any(trick.mixes for trick in self.tricks)

    def scaled(self, factor):
        return dataclasses.replace(self, tricks=tuple(trick.scaled(factor) for trick in self.tricks))

    def check(self, setup):
        for trick in self.tricks:
            trick.check(setup)

    def draw(self, random, size, step, plan):
        count = size if self.per_sample else 1
        p = None if self.probabilities is None else np.divide(self.probabilities, sum(self.probabilities))
        choice = random.choice(len(self.tricks), count, p=p)
        draws = {"choice": np.broadcast_to(choice, size).astype("int32")}
        for number, trick in enumerate(self.tricks):
            for name, value in trick.draw(random, size, step, plan).items():
                draws[f"{number}/{name}"] = value
        return draws

    def batch(self, images, targets, choice, **draws):
        options = []
        for number, trick in enumerate(self.tricks):
            prefix = f"{number}/"
            own = {name.removeprefix(prefix): value for name, value in draws.items() if name.startswith(prefix)}
            options.append(trick.batch(images, targets, **own))
        return tuple(choose(choice, side) for side in zip(*options, strict=True))
