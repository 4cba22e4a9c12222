"""What the curves of a run say: no number, never moved, validation at chance, best long before the end."""

import math
from collections.abc import Iterator

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.training.fit import LEARNED, PARTED

STILL = 0.02  # of ln(classes)
FELL = 0.05  # of accuracy


def no_number(case: Case) -> Iterator[Finding]:
    """A loss that is no number."""
    for name in ("loss", "val_loss"):
        bad = [epoch for epoch, value in enumerate(case.curves.get(name, []), start=1) if not math.isfinite(value)]
        if bad:
            yield Finding(
                "loss is no number",
                "The run diverged: nothing after it has learned.",
                f"{name} is NaN or infinite from epoch {bad[0]} on",
                "A lower learning rate, kt.Warmup() and kt.GradientClipping(); kt.lr_find shows where it diverges.",
            )
            return


def never_moved(case: Case) -> Iterator[Finding]:
    """A loss that stays at that of a guess."""
    losses, classes = case.curves.get("loss", []), case.classes or case.named_classes
    if len(losses) < 3 or not classes or classes < 2 or not all(map(math.isfinite, losses)):
        return
    guess = math.log(classes)
    if all(abs(loss - guess) <= STILL * guess for loss in losses):
        yield Finding(
            "loss never moved",
            "The loss is that of a guess, from the first epoch to the last.",
            f"{losses[0]:.4f} to {losses[-1]:.4f} in {len(losses)} epochs; ln({classes}) is {guess:.4f}",
            "Look at the learning rate (kt.lr_find), at the labels, and at dead units.",
        )


def at_chance(case: Case) -> Iterator[Finding]:
    """A validation accuracy at chance after a training that went well."""
    train, held_out = case.accuracies()
    classes = case.classes or case.named_classes
    if not train or not held_out or not classes or classes < 2:
        return
    chance = 1 / classes
    if train[-1] >= LEARNED and train[-1] - held_out[-1] >= PARTED and held_out[-1] <= 1.5 * chance:
        yield Finding(
            "validation at chance",
            "What is learned fits no validation image: it is not overfitting, which leaves more than a guess.",
            f"training accuracy {train[-1]:.1%}, validation accuracy {held_out[-1]:.1%}; a guess is {chance:.1%}",
            "Look at how validation images are scaled, at the order of their classes, and at BatchNormalization.",
        )


def best_before(case: Case) -> Iterator[Finding]:
    """A best epoch long before the last, whose weights are gone."""
    _, held_out = case.accuracies()
    if len(held_out) < 5:
        return
    best = max(range(len(held_out)), key=held_out.__getitem__)
    restored = any(getattr(callback, "restore_best_weights", False) for callback in case.callbacks)
    if best < len(held_out) / 2 and held_out[best] - held_out[-1] >= FELL and not restored:
        yield Finding(
            "best epoch long ago",
            "The network was better than it is at the end.",
            f"validation accuracy {held_out[best]:.1%} in epoch {best + 1}, {held_out[-1]:.1%} in the last, "
            f"{len(held_out)}",
            "kt.EarlyStopping(), a shorter run, or stronger augmentation.",
        )
