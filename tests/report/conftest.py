import dataclasses

import numpy as np
import pytest

from kerastricks.effects import effects, verdict

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
