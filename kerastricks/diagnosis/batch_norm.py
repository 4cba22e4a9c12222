"""Faults of BatchNormalization: a memory longer than the run, statistics that never move, move twice or lag behind."""

from collections.abc import Iterator

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.training.fit import LEARNED, PARTED

HELD = 0.1  # of the initial statistics, that a run may leave
LEAST = 32  # images, for statistics of a batch


def momentum(case: Case) -> Iterator[Finding]:
    """Moving statistics that forget slower than the run is long."""
    norms = [norm for norm in case.norms if norm.learns and norm.initial and norm.layer.momentum < 1]
    if not norms or not case.steps or case.updates:
        return
    slowest = max(norm.layer.momentum for norm in norms)
    left = slowest**case.steps
    if left > HELD:
        yield Finding(
            "BatchNormalization momentum too high",
            "The moving statistics, which evaluation uses, forget their initial values slower than the run is long.",
            f"momentum {slowest:g} over {case.steps:,} steps leaves {left:.0%} of the initial statistics, in "
            f"{len(norms)} layer{'s' * (len(norms) > 1)}",
            "kt.BatchNormMomentum() in the recipe, or BatchNormalization(momentum=0.9).",
        )


def frozen(case: Case) -> Iterator[Finding]:
    """Statistics that stay as they began, while the kernels before them learn."""
    held = [
        norm
        for norm in case.norms
        if not norm.learns and norm.initial and norm.feeds is not None and norm.feeds.trainable_weights
    ]
    if held:
        why = "called with training=False" if held[0].inference else "not trainable"
        yield Finding(
            "BatchNormalization frozen",
            "The layers before it learn, and it neither normalizes by the batch nor follows it.",
            f"{len(held)} of {len(case.norms)} layers {why}, with their first statistics: mean 0, variance 1",
            "Leave them trainable, or load weights into them before they are frozen.",
        )


def missing(case: Case) -> Iterator[Finding]:
    """Statistics that no training step has updated."""
    never = [norm for norm in case.norms if norm.learns and norm.layer.momentum >= 1]
    done = case.updates or (1 if case.curves.get("loss") else 0)
    still = [norm for norm in case.norms if norm.learns and norm.initial and norm.layer.momentum < 1] if done else []
    if never:
        seen = f"momentum {never[0].layer.momentum:g} in {len(never)} layer{'s' * (len(never) > 1)}"
        fix = "BatchNormalization(momentum=0.9)"
    elif still:
        seen = (
            f"after {case.updates:,} updates {len(still)} layers have mean 0 and variance 1"
            if case.updates
            else (f"after {len(case.curves['loss'])} epochs {len(still)} layers have mean 0 and variance 1")
        )
        fix = "Call the model with training=True in the training step: model(images, training=True)."
    else:
        return
    yield Finding(
        "BatchNormalization never updated",
        "The moving statistics, which evaluation uses, are those that the layer began with.",
        seen,
        fix,
    )


def doubled(case: Case) -> Iterator[Finding]:
    """A layer in two places of the graph: its statistics are a blend, updated twice a step."""
    for norm in case.norms:
        if len({id(operation) for operation in norm.takes}) > 1:
            calls, kept = len(norm.takes), norm.layer.momentum
            yield Finding(
                "BatchNormalization shared",
                "One layer normalizes the outputs of several, and its moving statistics are a blend of theirs.",
                f"'{norm.layer.name}' is called {calls} times a step: momentum {kept:g} acts as {kept**calls:.4g}",
                "A BatchNormalization layer of its own for each place.",
            )


def lag(case: Case) -> Iterator[Finding]:
    """Statistics that never caught up: the network is right by those of a batch, and wrong by the moving ones."""
    norms = [norm for norm in case.norms if norm.learns and not norm.initial]
    fix = "kt.BatchNormMomentum() in the recipe, BatchNormalization(momentum=0.9), or a longer run."
    reason = "The network has learned, but evaluation uses moving statistics that lag behind."
    if not norms:
        return
    slowest = max(norm.layer.momentum for norm in norms)
    if case.answers is not None and case.classifies and case.train is not None and len(case.train.labels) >= LEAST:
        answers = case.ask(case.train, training=True)
        assert answers is not None
        train, moving = (case.right(one, case.train.labels) for one in (answers, case.answers))
        if train >= LEARNED and train - moving >= PARTED:
            yield Finding(
                "BatchNormalization statistics lag",
                reason,
                f"accuracy on {len(answers)} training images: {train:.1%} by the statistics of the batch, {moving:.1%} "
                f"by the moving ones (momentum {slowest:g})",
                fix,
            )
        return
    (train_curve, curve) = case.accuracies()
    if not train_curve or not curve or not case.steps_per_epoch:
        return
    left = slowest ** (len(train_curve) * case.steps_per_epoch)
    if train_curve[-1] >= LEARNED and train_curve[-1] - curve[-1] >= PARTED and left > 0.05:
        yield Finding(
            "BatchNormalization statistics lag",
            reason,
            f"training accuracy {train_curve[-1]:.1%}, validation accuracy {curve[-1]:.1%}; {left:.0%} of the initial "
            f"statistics are left (momentum {slowest:g})",
            fix,
        )
