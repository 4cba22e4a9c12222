"""Seconds of training until a held-out accuracy is reached, on CIFAR-10 as a folder: here, and in plain PyTorch.

    python benchmarks/seconds_to_accuracy.py FOLDER [--accuracy 0.9] [--epochs 12] [--seeds 0 1 2] [--out FILE]
    python benchmarks/seconds_to_accuracy.py FOLDER --model resnet20 --recipe cifar --epochs 30 --out OTHER   # no peer

FOLDER holds train/<class>/* and val/<class>/*, which for CIFAR-10 are its test images. For each seed both sides train
in a process of their own, one after the other, the first of them by turns; images are in memory before. The clock runs
from the building of the network over the whole training, evaluations and compilation included, and stops at the end of
the first epoch whose held-out accuracy reaches the target, by the mean of the outputs for an image and its mirror
image, as Jordan tests. Finished turns of one setting are kept in the file of `--out`: the same command goes on. The
peer is `airbench_native.py`: the network and recipe `airbench` in bfloat16, channels last. Asked: at most 1.1 of its
time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from kept import Kept, spelled

SIDES = {"ours": "kerastricks", "native": "plain PyTorch"}


def ours(arrays: Path, settings: dict[str, Any]) -> tuple[float, float, int]:
    """Trains here; returns the seconds, the best held-out accuracy and the epochs done."""
    import keras

    import kerastricks as kt
    from kerastricks.recipes.choose import choose
    from kerastricks.training.evaluation import EvaluationBatches

    class Until(keras.callbacks.Callback):
        """Stops when the held-out accuracy reaches the target."""

        best, epochs = 0.0, 0

        def on_epoch_end(self, epoch, logs=None):
            said = with_flips.predict(EvaluationBatches(*held_out, recipe.batch_size), verbose=0).argmax(1)
            self.best, self.epochs = max(self.best, float((said == held_out[1]).mean())), epoch + 1
            self.model.stop_training = self.best >= settings["accuracy"]
            print(f"#   ours, epoch {epoch + 1}: {self.best:.2%}", file=sys.stderr, flush=True)

    train, held_out = load(arrays)
    recipe = choose(settings["recipe"], efficient=True).scaled(settings["epochs"])
    keras.utils.set_random_seed(settings["seed"])
    until = Until()
    start = time.perf_counter()
    classes = int(train[1].max()) + 1
    model = kt.models.build(settings["model"], classes=classes, input_shape=recipe.image_shape(train[0].shape[1:]))
    with_flips = kt.models.flip_averaged(model)
    recipe.fit(model, train, seed=settings["seed"], callbacks=[until], verbose=0)
    return time.perf_counter() - start, until.best, until.epochs


def native(arrays: Path, settings: dict[str, Any]) -> tuple[float, float, int]:
    """Trains in plain PyTorch; likewise."""
    import airbench_native

    def say(epoch: int, best: float, seconds: float) -> None:
        print(f"#   native, epoch {epoch + 1}: {best:.2%}", file=sys.stderr, flush=True)

    train, held_out = load(arrays)
    lengths = {name: settings[name] for name in ("epochs", "seed")}
    return airbench_native.seconds_to(settings["accuracy"], train, held_out, **lengths, say=say)


def load(arrays: Path) -> tuple[Any, Any]:
    """Returns images and labels to train on, and those held out."""
    train, held_out = ([np.load(arrays / f"{split}_{part}.npy") for part in ("x", "y")] for split in ("train", "val"))
    return tuple(train), tuple(held_out)


def turn(side: str, arrays: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Runs one side in a process of its own; returns its seconds, best accuracy and epochs."""
    command = [sys.executable, __file__, "--turn", side, str(arrays), json.dumps(settings)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: argparse.Namespace) -> None:
    """Runs all turns, and prints the table."""
    import kerastricks as kt
    from kerastricks.commands.environment import environment
    from kerastricks.recipes.choose import choose

    data = kt.data.load(arguments.folder)
    raced = arguments.model == arguments.recipe == "airbench"
    sides = list(SIDES)[: 2 if raced else 1]
    settings = {name: getattr(arguments, name) for name in ("accuracy", "epochs", "model", "recipe")}
    about = environment()
    same = {name: about[name] for name in ("backend", "versions", "hardware")}
    kept = Kept(
        arguments.out,
        {"folder": str(Path(arguments.folder).resolve()), **settings, "is": spelled(choose(arguments.recipe)), **same},
    )
    made = {(run["side"], run["seed"]): run for run in kept.runs}
    with tempfile.TemporaryDirectory() as folder:
        for split, (images, labels) in (("train", data.train), ("val", data.validation)):
            np.save(Path(folder, f"{split}_x.npy"), images[np.arange(len(labels))])
            np.save(Path(folder, f"{split}_y.npy"), labels)
        for number, seed in enumerate(arguments.seeds):
            for side in sides[:: -1 if number % 2 else 1]:
                if (side, seed) not in made:
                    one = turn(side, Path(folder), {**settings, "seed": seed})
                    made[side, seed] = kept.add({"side": side, "seed": seed, **one})
                    print(f"# {made[side, seed]}", file=sys.stderr, flush=True)
    rows = {side: [made[side, seed] for seed in arguments.seeds] for side in sides}
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    what = f"{arguments.model}, recipe {arguments.recipe}, {arguments.epochs} epochs"
    print(f"{what}; {about['backend']}; {about['hardware']}\n{versions}")
    print(f"{len(data.train[1]):,} images; seconds to {arguments.accuracy:.2%} of {len(data.validation[1]):,}")
    print("seed" + "".join(f"{SIDES[side]:>32}" for side in sides) + "   ratio" * raced)
    for number, seed in enumerate(arguments.seeds):
        turns = [rows[side][number] for side in sides]
        ratio = f"{turns[0]['seconds'] / turns[1]['seconds']:8.2f}" if raced else ""
        print(f"{seed:4}" + "".join(f"{told(one, arguments.accuracy):>32}" for one in turns) + ratio)
    if raced:
        pairs = zip(rows["ours"], rows["native"], strict=True)
        ratios = [one["seconds"] / other["seconds"] for one, other in pairs]
        reached = all(one["best"] >= arguments.accuracy for side in rows.values() for one in side)
        spread = f" (deviation {statistics.stdev(ratios):.2f})" if len(ratios) > 1 else ""
        print(f"median ratio {statistics.median(ratios):.2f}{spread}; asked: at most 1.1")
        print("every run reached the target" if reached else "NOT every run reached the target")


def told(one: dict[str, Any], target: float) -> str:
    """Returns what a turn came to, as `412 s, 5 epochs, 90.70%`."""
    missed, plural = "not in " * (one["best"] < target), "s" * (one["done"] > 1)
    return f"{missed}{one['seconds']:.0f} s, {one['done']} epoch{plural}, {one['best']:.2%}"


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")  # the fastest of the three for this network, on a processor
    if sys.argv[1:2] == ["--turn"]:
        _, _, side, folder, settings = sys.argv
        seconds, best, done = {"ours": ours, "native": native}[side](Path(folder), json.loads(settings))
        print(json.dumps({"seconds": seconds, "best": best, "done": done}))
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--accuracy", type=float, default=0.9)
    parser.add_argument("--model", default="airbench")
    parser.add_argument("--recipe", default="airbench")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", default="runs/seconds_to_accuracy.jsonl")
    main(parser.parse_args())
