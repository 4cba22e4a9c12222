"""All checks of the doctor, in one list."""

from kerastricks.diagnosis import (
    activations,
    augmentation,
    batch_norm,
    history,
    labels,
    learning_rate,
    loss,
    optimizer,
    order,
    pixels,
    schedule,
    split,
)
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding, Findings
from kerastricks.diagnosis.inside import untouched

CHECKS = (
    optimizer.integer_rate,
    optimizer.zero_rate,
    optimizer.decoupled_decay,
    optimizer.lost_average,
    schedule.length,
    learning_rate.far_rate,
    loss.from_logits,
    loss.one_probability,
    loss.smoothing,
    loss.labels_fit,
    labels.shifted,
    labels.without_images,
    split.duplicates,
    order.repeats,
    pixels.scaling,
    augmentation.low_precision,
    batch_norm.momentum,
    batch_norm.frozen,
    batch_norm.missing,
    batch_norm.doubled,
    batch_norm.lag,
    activations.same_answer,
    activations.dead_units,
    history.no_number,
    history.never_moved,
    history.at_chance,
    history.best_before,
)


def examine(case: Case) -> Findings:
    """Makes all checks; one that a model or data does not allow is left out and told, and none raises."""
    found: list[Finding] = []
    with untouched():
        for check in CHECKS:
            try:
                found += check(case)
            except Exception as error:
                words = str(error).strip().splitlines()
                name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
                case.unseen.append(f"{name} ({type(error).__name__}{': ' + words[0][:120] if words else ''})")
    return Findings(found, case.unseen)
