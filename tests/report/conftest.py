import dataclasses

import numpy as np
import pytest

from kerastricks.commands.ablation.statistics import effects, verdict
from kerastricks.report.confusion import compare
from kerastricks.report.page import training_page

NASTY = "<script>alert(1)</script>"
TRICKS = ("Warmup", "CosineDecay", "MixUp", NASTY)


def build_ablation(tricks=TRICKS, seeds=5, truth=(0.02, 0.0, -0.015, 0.002), epochs=8):
    """What `results.json` of a leave-one-out holds, the arm without the last trick failed at its first seed."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.004, seeds)

    def arm(name, effect):
        accuracies = 0.9 + noise + effect + random.normal(0, 0.002, seeds)
        runs = [
            {
                "seed": seed,
                "accuracy": float(accuracy),
                "loss": float(1 - accuracy),
                "ms_per_step": 20 + 50 * effect + float(random.normal(0, 0.1)),
                "peak_memory": 1_500_000_000,
                "seconds": 12.5,
                "history": {"val_accuracy": [float(accuracy * (1 - 0.5**at)) for at in range(1, epochs + 1)]},
            }
            for seed, accuracy in enumerate(accuracies)
        ]
        return {"name": name, "tricks": list(tricks), "runs": runs}

    arms = [arm("full", 0.0), *(arm(f"without {name}", -effect) for name, effect in zip(tricks, truth, strict=False))]
    names = ("accuracy", "loss", "ms_per_step", "peak_memory")
    figures = {
        key: effects(
            {
                name: ([run[key] for run in arms[0]["runs"]], [run[key] for run in other["runs"]])
                for name, other in zip(tricks, arms[1:], strict=True)
            }
        )
        for key in names
    }
    found = [
        {
            "trick": name,
            "arm": "full",
            "against": f"without {name}",
            **{key: dataclasses.asdict(figures[key][name]) for key in names},
            "verdict": verdict(figures["accuracy"][name]),
        }
        for name in tricks
    ]
    arms[-1]["runs"][0] = {"seed": 0, "error": "the loss is not finite at step 12"}
    return {
        "data": "digits",
        "model": "resnet20",
        "recipe": "cifar",
        "design": "leave-one-out",
        "command": f"kerastricks ablate digits --recipe cifar --seeds {seeds} --epochs {epochs}",
        "seeds": list(range(seeds)),
        "epochs": epochs,
        "batch_size": 128,
        "train_images": 1437,
        "validation_images": 360,
        "classes": ["cat", "dog", NASTY],
        "backend": "tensorflow",
        "hardware": "a processor, 2 cores",
        "versions": {"python": "3.11", "keras": "3.15.1"},
        "seconds": 300.0,
        "arms": arms,
        "effects": found,
    }


@pytest.fixture
def ablation():
    return build_ablation


def build_training(classes=3, wrong=18):
    """The page of a run: six validation images a class, the first `wrong` images taken for one of the next two."""
    history = {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "accuracy": [0.1, 0.5], "val_accuracy": [0.2, 0.4]}
    result = {
        "accuracy": 0.4321,
        "loss": 1.5,
        "seconds": 3.0,
        "epochs": 2,
        "images_per_second": 1234.0,
        "model": "resnet20",
        "recipe": "tutorial",
    }
    names = ["cat", "dog", NASTY, *(f"a class of number {number}" for number in range(3, classes))]
    random = np.random.default_rng(0)
    samples = random.integers(0, 256, (2, 8, 8, 1)), np.eye(classes)[[0, 2]] * 0.9 + np.eye(classes)[[1, 2]] * 0.1
    labels = np.arange(6 * classes) % classes
    said = np.where(np.arange(len(labels)) < wrong, (labels + 1 + labels // 3 % 2) % classes, labels)
    said[3::5] = labels[3::5]
    probabilities = np.full((len(labels), classes), 0.001)
    probabilities[np.arange(len(labels)), said] = np.linspace(0.99, 0.5, len(labels))
    compared = compare(random.integers(0, 256, (len(labels), 8, 8, 1)), labels, probabilities)
    return training_page({"data": NASTY}, result, history, [0.1, 0.2, 0.1], samples, compared, names)


@pytest.fixture
def training():
    return build_training
