import dataclasses

import numpy as np
import pytest

from kerastricks.commands.ablation.statistics import effects, verdict
from kerastricks.report.judgement import judge
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


def build_judgement(classes=3, wrong=18, name="validation images"):
    """Six images a class, the first `wrong` images taken for one of the next two classes; and the names."""
    names = ["cat", "dog", NASTY, *(f"a class of number {number}" for number in range(3, classes))]
    random = np.random.default_rng(0)
    labels = np.arange(6 * classes) % classes
    said = np.where(np.arange(len(labels)) < wrong, (labels + 1 + labels // 3 % 2) % classes, labels)
    said[3::5] = labels[3::5]
    probabilities = np.full((len(labels), classes), 0.001)
    probabilities[np.arange(len(labels)), said] = np.linspace(0.99, 0.5, len(labels))
    images = random.integers(0, 256, (len(labels), 8, 8, 1))
    return judge(name, images, labels, probabilities), names


def build_training(classes=3, wrong=18, sides=("validation images",), notes=(), set_aside=()):
    """The page of a run."""
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
    judgements = [build_judgement(classes, wrong, name)[0] for name in sides]
    names = build_judgement(classes)[1]
    if len(sides) > 1:
        result["test_accuracy"] = 0.5432
    random = np.random.default_rng(0)
    samples = random.integers(0, 256, (2, 8, 8, 1)), np.eye(classes)[[0, 2]] * 0.9 + np.eye(classes)[[1, 2]] * 0.1
    counts = range(10, 10 + classes)
    return training_page(
        {"data": NASTY}, result, history, [0.1, 0.2], samples, judgements, names, counts, notes, set_aside
    )


@pytest.fixture
def judged():
    return build_judgement


@pytest.fixture
def training():
    return build_training


@pytest.fixture
def evaluated(judged):
    """What `evaluation.json` holds of two models, the judgements, and the names of the classes."""
    judgements, models = {}, {}
    for name, wrong in (("model.keras", 2), ("model_averaged.keras", 1)):
        judgement, classes = judged(classes=3, wrong=wrong, name="test images")
        judgements[name] = judgement
        models[name] = {**judgement.scores.figures(), "classes": judgement.scores.of_classes(classes)}
    result = {
        "command": f"kerastricks evaluate run '{NASTY}'",
        "model": "run",
        "data": NASTY,
        "split": "test",
        "images": 18,
        "class_count": 3,
        "image_size": 8,
        "flips": False,
        "seed": 0,
        "notes": [NASTY],
        "backend": "jax",
        "hardware": "a processor",
        "versions": {"keras": "3.15.1"},
        "models": models,
    }
    return result, judgements, classes
