"""How the cost of a training step grows with the images, the classes, their size and the batch.

    python benchmarks/growth.py [--rounds 5] [--chart docs/growth.svg]

ResNet-20 with the `tutorial` recipe and `Efficient`, on random images. One number changes at a time from 10,000 images,
10 classes, 32 pixels, batch 64; every setting has one turn a round.
"""

import argparse
import statistics
import time

import keras
import numpy as np

import kerastricks as kt
from kerastricks.commands.environment import environment
from kerastricks.recipes.tutorial import recipe
from kerastricks.training.batches import TrainingBatches

BASE = {"images": 10_000, "classes": 10, "size": 32, "batch": 64}
SERIES = {
    "images": (1_000, 10_000, 100_000),
    "classes": (10, 100, 1_000, 10_000),
    "size": (16, 32, 64, 128),
    "batch": (16, 64, 512),
}
STEPS = 8


class Clock(keras.callbacks.Callback):
    """The seconds of an epoch's steps but for the first two."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self._start = time.perf_counter()
        self.seconds = (time.perf_counter() - getattr(self, "_start", 0)) / max(1, batch - 1)


def side(images: int, classes: int, size: int, batch: int):
    """Returns a function that trains some steps and returns the seconds of one."""
    pixels = np.zeros((images, size, size, 3), "uint8")
    labels = np.arange(images, dtype="int32") % classes
    plan = kt.Plan(epochs=100, steps_per_epoch=-(-images // batch), batch_size=batch)
    tricks = (kt.Efficient(), *recipe.without("LinearScaling").tricks)
    model = kt.models.build("resnet20", classes=classes, input_shape=(size, size, 3))
    engine = kt.Recipe(tricks).compile(model, plan)
    batches = TrainingBatches(pixels, labels, plan, tricks)
    clock = Clock()

    def turn() -> float:
        engine.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    turn()
    return turn


def chart(path: str, figures: dict[str, list[tuple[int, float]]]) -> None:
    """Draws a panel for each number that grows, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "kerastricks"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(figures), figsize=(10, 2.6), sharey=True, layout="constrained")
    for panel, (name, points) in zip(panels, figures.items(), strict=True):
        values, seconds = zip(*points, strict=True)
        panel.loglog(values, [1e3 * value for value in seconds], marker="o", color="#1f5fa8")
        panel.set_xlabel({"size": "size, pixels", "batch": "batch, images"}.get(name, name))
        panel.set_xticks(values, [f"{value:,}" for value in values])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("ms a step")
    ticks = (10, 30, 100, 300, 1000)
    panels[0].set_yticks(ticks, map(str, ticks))
    figure.savefig(path, metadata={"Date": None})


def main(rounds: int, path: str | None) -> None:
    settings = {tuple({**BASE, name: value}.values()) for name, values in SERIES.items() for value in values}
    sides = {setting: side(*setting) for setting in sorted(settings)}
    seconds: dict = {setting: [] for setting in sides}
    for _ in range(rounds):
        for setting, turn in sides.items():
            seconds[setting].append(turn())
    about = environment()
    print(
        f"resnet20, tutorial and Efficient on {about['backend']}, {rounds} rounds of {STEPS - 2} steps; "
        f"{about['hardware']}; from {', '.join(f'{value:,} {name}' for name, value in BASE.items())}"
    )
    figures = {}
    for name, values in SERIES.items():
        figures[name] = []
        for value in values:
            column = seconds[tuple({**BASE, name: value}.values())]
            figures[name].append((value, statistics.median(column)))
            batch = value if name == "batch" else BASE["batch"]
            print(
                f"{name:8} {value:8,}  {1e3 * statistics.median(column):8.1f} ms a step "
                f"({1e3 * statistics.stdev(column):.1f})  {batch / statistics.median(column):8,.0f} images/s"
            )
    if path:
        chart(path, figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chart")
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.chart)
