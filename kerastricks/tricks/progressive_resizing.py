"""Training on small images that grow."""

import dataclasses

import keras
import numpy as np

from kerastricks.image import geometry
from kerastricks.models.graph import has_graph
from kerastricks.models.torch_direct import Direct
from kerastricks.training.trick import Trick, overrides

_MILLION = 1_000_000


def scale_at(progress, initial, final, delay, finetune):
    """Returns the scale of the images at `progress`, the share of the run that is done.

    initial + (final - initial) * clip((progress - delay) / (1 - finetune - delay), 0, 1)
    """
    ramp = 1 - finetune - delay
    grown = (progress - delay) / ramp if ramp > 1e-9 else float(progress >= delay)
    return initial + (final - initial) * min(max(grown, 0.0), 1.0)


def side_at(pixels, scale, increment):
    """Returns a side of `pixels` at a scale, rounded to a multiple of `increment`, at most `pixels`; whole at 1."""
    return min(pixels, max(1, round(pixels * scale / increment)) * increment) if scale < 1 else pixels


@dataclasses.dataclass(frozen=True)
class ProgressiveResizing(Trick):
    """Trains on images that are small at first and grow; evaluates on whole ones.

        side = multiple of `size_increment` nearest to (whole side) * scale

    The scale is `initial_scale` for the first `delay_fraction` of the run, grows from epoch to epoch, and is
    `final_scale` for the last `finetune_fraction`, the last epoch at least. In between it is the multiple of 1/32 that
    is nearest to a line. With a final scale below 1 the network is tested at a higher resolution than it was trained at
    last. The resizing is bilinear and antialiased; each scale compiles the step anew.

    Args:
        initial_scale: Scale of the sides at first, above 0 and at most 1.
        final_scale: Scale of the sides at last, likewise.
        delay_fraction: Share of the run before the images grow, at least 0.
        finetune_fraction: Share of the run after they have grown, at least 0; both together are at most 1.
        size_increment: Pixels of which sides are multiples.

    Raises:
        ValueError: If a number is out of its range, the model does not take smaller images (as one that ends in
            `Flatten`), or the images would stay as they are.

    Reference: Howard, 2018, fast.ai; Touvron et al., 2019, arXiv:1906.06423; the rule is that of MosaicML's Composer.
    """

    initial_scale: float = 0.5
    final_scale: float = 1.0
    delay_fraction: float = 0.5
    finetune_fraction: float = 0.2
    size_increment: int = 4

    def __post_init__(self):
        for name in ("initial_scale", "final_scale"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must lie in (0, 1]. Received: {name}={getattr(self, name)}")
        if self.initial_scale == self.final_scale == 1:
            raise ValueError("ProgressiveResizing would have no effect: both scales are 1. Lower `initial_scale`.")
        shares = self.delay_fraction, self.finetune_fraction
        if not (min(shares) >= 0 and sum(shares) <= 1):
            raise ValueError(
                "`delay_fraction` and `finetune_fraction` must be at least 0 and together at most 1. "
                f"Received: delay_fraction={shares[0]}, finetune_fraction={shares[1]}"
            )
        if isinstance(self.size_increment, bool) or not isinstance(self.size_increment, int) or self.size_increment < 1:
            raise ValueError(
                f"`size_increment` must be an integer of at least 1. Received: size_increment={self.size_increment!r}"
            )

    @property
    def resizes(self):
        return True

    def _scale(self, epoch, plan):
        """Returns the scale in an epoch; between the two scales a multiple of 1/32, so that few steps are compiled."""
        finetune = max(self.finetune_fraction, 1 / plan.epochs)
        delay = min(self.delay_fraction, 1 - finetune)
        scale = scale_at(epoch / plan.epochs, self.initial_scale, self.final_scale, delay, finetune)
        between = min(abs(scale - end) for end in (self.initial_scale, self.final_scale)) > 1e-6
        return round((round(32 * scale) / 32 if between else scale) * _MILLION) / _MILLION

    def _size(self, size, scale):
        return tuple(side_at(pixels, scale, self.size_increment) for pixels in size)

    def _sizes(self, size, plan):
        """Returns (height, width) in each epoch, for images of `size`."""
        return [self._size(size, self._scale(epoch, plan)) for epoch in range(plan.epochs)]

    def check(self, setup):
        model, name = setup.model, setup.model.name
        if not has_graph(model) or len(model.input_shape) != 4:
            raise ValueError(
                "ProgressiveResizing runs the layers in the graph of a functional or Sequential model of images at "
                f"other sizes. Received: {type(model).__name__}. Leave ProgressiveResizing out."
            )
        for trick in setup.tricks:
            if overrides(trick, "auxiliary"):
                raise ValueError(
                    f"ProgressiveResizing makes the images small, and {trick.name} needs them as they are for its own "
                    "network. Leave one of them out."
                )
        later = setup.tricks[setup.tricks.index(self) + 1 :] if self in setup.tricks else ()
        for trick in later:
            if (
                overrides(trick, "batch")
                and overrides(trick, "evaluation")
                and getattr(trick, "size", self) is not None
            ):
                raise ValueError(
                    f"ProgressiveResizing would have no effect before {trick.name}, which sets the size anew. "
                    f"Received both. Put it behind {trick.name}."
                )
        images = None if setup.images is None else keras.ops.zeros((1, *setup.images.shape[1:]))
        for trick in setup.tricks if images is not None else ():
            images = trick.evaluation(images)
        whole = _whole(model, images)
        if whole is None:
            return
        sizes = {size for size in self._sizes(whole, setup.plan) if size != whole}
        if not sizes:
            cure = (
                "Lower `initial_scale` or `size_increment`"
                if setup.plan.epochs > 1
                else "Train for more than one epoch"
            )
            raise ValueError(
                f"ProgressiveResizing would have no effect: images of {whole[0]}×{whole[1]} pixels stay as they are. "
                f"Received: {self}. {cure}, or leave ProgressiveResizing out."
            )
        for height, width in sorted(sizes):
            try:
                shape = Direct(model, any_size=True)(
                    keras.ops.zeros((1, height, width, model.input_shape[-1])), training=False
                ).shape
                reason = "" if tuple(shape[1:]) == tuple(model.output_shape[1:]) else f"the outputs have shape {shape}"
            except Exception as error:  # each backend has its own
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if reason:
                raise ValueError(
                    f"ProgressiveResizing needs a network that takes images of any size, as one that ends in a global "
                    f"pooling and not in Flatten. Received: '{name}', which does not take {height}×{width} pixels: "
                    f"{reason}. Leave ProgressiveResizing out, or raise `size_increment`."
                )

    def stages(self, model, plan):
        scales = [self._scale(epoch, plan) for epoch in range(plan.epochs)]
        return {epoch: None for epoch in range(1, plan.epochs) if scales[epoch] != scales[epoch - 1]}

    def draw(self, random, size, step, plan):
        # Nothing is in it: shapes are what a compiled step knows beforehand.
        return {
            "scale": np.zeros((size, round(_MILLION * self._scale(step // plan.steps_per_epoch, plan)), 0), "uint8")
        }

    def batch(self, images, targets, scale):
        size = self._size(images.shape[1:3], scale.shape[1] / _MILLION)
        return images if size == tuple(images.shape[1:3]) else geometry.resize(images, size), targets


def _whole(model, images):
    """Returns height and width of the images that a model sees outside training; None where nothing tells."""
    known = (None, None) if images is None else images.shape[1:3]
    size = tuple(own or other for own, other in zip(model.input_shape[1:3], known, strict=True))
    return size if all(size) else None
