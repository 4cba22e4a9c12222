"""What the tricks of a recipe cost: one training step with them over plain Keras, on each backend.

    python benchmarks/overhead.py [--recipe tutorial] [--backends tensorflow jax torch] [--rounds 7] [--steps 40]

Both train the same ResNet-20 at batch 128 on the same 32×32 images, with SGD of Nesterov momentum and weight decay,
the same loss, metrics and `jit_compile`. Plain Keras is `compile` and `fit` on arrays. The two take turns, a `fit` of
`--steps` steps each a round; a round gives one ratio, and the figure is the median of the ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time


def measure(name: str, rounds: int, steps: int) -> None:
    import keras
    import numpy as np

    import kerastricks as kt
    from kerastricks.commands.environment import environment
    from kerastricks.recipes.choose import find
    from kerastricks.training.batches import TrainingBatches
    from kerastricks.training.compilation import accuracies, jit_compile

    recipe, batch = find(name), 128
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (batch * steps, 32, 32, 3), "uint8")
    labels = random.integers(0, 10, len(images)).astype("int32")
    build = {"classes": 10, "input_shape": (32, 32, 3)}

    plain = kt.models.build("resnet20", **build)
    plain.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=accuracies(10),
        jit_compile=jit_compile(),
    )
    rows = np.eye(10, dtype="float32")[labels]
    plan = kt.Plan(epochs=10, steps_per_epoch=steps, batch_size=batch)
    engine = recipe.compile(kt.models.build("resnet20", **build), plan)
    batches = TrainingBatches(images, labels, plan, recipe.tricks)

    def seconds(fit) -> float:
        start = time.perf_counter()
        fit()
        return time.perf_counter() - start

    def fit_plain():
        plain.fit(images, rows, batch_size=batch, verbose=0)

    def fit_tricks():
        engine.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    fit_plain(), fit_tricks()  # compiles
    times = [(seconds(fit_plain), seconds(fit_tricks)) for _ in range(rounds)]
    ratios = [tricks / bare for bare, tricks in times]
    bare, tricks = (statistics.median(column) / steps * 1e3 for column in zip(*times, strict=True))
    facts = environment()
    print(
        f"{facts['backend']:10}  plain {bare:6.1f} ms  tricks {tricks:6.1f} ms  "
        f"ratio {statistics.median(ratios):.3f} (of {rounds} rounds: {min(ratios):.3f} to {max(ratios):.3f})"
    )
    print(f"            {facts['hardware']}; {', '.join(f'{k} {v}' for k, v in facts['versions'].items())}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="tutorial")
    parser.add_argument("--backends", nargs="+", default=["tensorflow", "jax", "torch"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--here", action="store_true", help="measure the backend of this process")
    arguments = parser.parse_args()
    if arguments.here:
        measure(arguments.recipe, arguments.rounds, arguments.steps)
    else:
        for backend in arguments.backends:
            command = [sys.executable, __file__, "--here", f"--recipe={arguments.recipe}"]
            command += [f"--rounds={arguments.rounds}", f"--steps={arguments.steps}"]
            subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, check=True)
