"""`kerastricks train` with its defaults on photographs, beside the two usual ways of plain Keras and a random start.

    KERAS_BACKEND=tensorflow python benchmarks/finetune.py FOLDER [--seeds 5] [--arms train head whole random]

FOLDER holds train/<class>/* and test/<class>/*. All sides train on the same images of train/ at the same size, validate
on the fifth that the seed chooses, and are judged on test/, one half of which was looked at when `finetune` was made.
`head` trains a new last layer on frozen features, `whole` the whole network at one rate, both by `compile` and `fit`
with Adam and mirrored images, from the same ImageNet weights, for as many epochs, at rates that docs/photographs.md
sets beside others; `random` is the same command without the weights. The seconds of `head` and `whole` are those of
`fit` alone, those of the command hold the reading of the data, the validation of each epoch and the report, too.
Finished runs are kept in the file of `--out`, for one folder, rates, recipe, backend and versions: the same command
goes on. `--json` writes, for `benchmarks/results.py`, the accuracies on the half that was not looked at.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from kept import Kept, spelled

import kerastricks as kt
from kerastricks.commands.ablation.statistics import always_valid, effects, paired, verdict
from kerastricks.commands.defaults import photograph_size
from kerastricks.commands.environment import environment
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train
from kerastricks.models.fused_batch_norm import fuse_batch_normalization
from kerastricks.recipes import finetune
from kerastricks.training.evaluation import EvaluationBatches

NETWORK, EPOCHS, BATCH = "efficientnet_lite0", finetune.recipe.epochs, finetune.recipe.batch_size
SIDE = photograph_size(TrainTask("photographs"))
ARMS = ("train", "head", "whole", "random")
SHORT = {
    "train": "kerastricks train",
    "head": "plain Keras, a new head",
    "whole": "plain Keras, one rate for all",
    "random": "a random start",
}
LOOKED_AT, HELD_OUT = slice(0, None, 2), slice(1, None, 2)  # halves of the test images
WORDS = {
    "train": "kerastricks train, its defaults",
    "head": "plain Keras, frozen features and a new head",
    "whole": "plain Keras, the whole network at one rate",
    "random": "kerastricks train, a random start",
}


def by_command(data, seed, **settings):
    """Trains by the command; returns the seconds of training and the model."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        train(TrainTask(data, seed=seed, out=f"{folder}/run", **settings))
        seconds = time.perf_counter() - start
        model = keras.saving.load_model(f"{folder}/run/model.keras", compile=False)
    return seconds, model


def by_keras(source, seed, rate, frozen):
    """Trains by plain Keras; likewise."""
    keras.utils.set_random_seed(seed)
    shape = source.image_shape
    network = kt.models.build(NETWORK, classes=len(source.classes), input_shape=shape, weights="imagenet")
    if frozen:
        kt.freeze(network)
    fuse_batch_normalization(network)  # the same numbers, sooner
    images = keras.Input(shape)
    model = keras.Model(images, network(keras.layers.RandomFlip("horizontal", seed=seed)(images)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"], jit_compile=False)
    pixels, labels = source.train
    start = time.perf_counter()
    everything = pixels[np.arange(len(labels))].astype("float32")
    model.fit(everything, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return time.perf_counter() - start, model


def right(model, images, labels):
    """Returns whether each image is named rightly."""
    said = model.predict(EvaluationBatches(images, labels, 64), verbose=0).argmax(1)
    return (said == labels).astype(int).tolist()


def one(arm, data, seed, rates):
    """Returns what a run gave: right or wrong for each test image, and the seconds of training."""
    keras.backend.clear_session()
    source = kt.data.load(data, seed=seed, image_size=SIDE)
    if arm == "train":
        seconds, model = by_command(data, seed)
    elif arm == "random":
        seconds, model = by_command(data, seed, model=NETWORK, epochs=EPOCHS, batch_size=BATCH, image_size=SIDE)
    else:
        seconds, model = by_keras(source, seed, rates[arm], frozen=arm == "head")
    return {"arm": arm, "seed": seed, "seconds": seconds, "right": right(model, *source.test)}


def table(runs, share):
    """Returns the table in Markdown, over all test images or over one half of them; runs pair by seed."""
    lines = ["| side | seeds | test accuracy, % (deviation) | `train` is better by, points [95 %] | s a run |"]
    lines += ["|---|---|---|---|---|"]
    for arm in ARMS:
        seeds = sorted(seed for known, seed in runs if known == arm)
        if not seeds:
            continue
        column, ours = (
            [100 * statistics.mean(runs[one, seed]["right"][share]) for seed in seeds if (one, seed) in runs]
            for one in (arm, "train")
        )
        spread = f"{statistics.stdev(column):.2f}" if len(column) > 1 else "one run"
        gain = ""
        if arm != "train" and len(ours) == len(column) > 1:
            effect = always_valid(paired(ours, column))
            ends = "" if effect.low is None else f" [{effect.low:+.2f}, {effect.high:+.2f}]"
            gain = f"{effect.mean:+.2f}{ends}"
        elif arm != "train" and len(ours) == len(column):
            gain = f"{ours[0] - column[0]:+.2f}"
        seconds = statistics.median(runs[arm, seed]["seconds"] for seed in seeds)
        lines.append(
            f"| {WORDS[arm]} | {len(seeds)} | {statistics.mean(column):.2f} ({spread}) | {gain} | {seconds:.0f} |"
        )
    return "\n".join(lines)


def record(runs, data, command):
    """Returns the runs in the form of an ablation's results, judged on the half on which nothing was chosen."""
    source, about = kt.data.load(data, image_size=SIDE), environment()
    arms: list[dict] = [
        {
            "name": SHORT[arm],
            "runs": [
                {"seed": seed, "accuracy": statistics.mean(run["right"][HELD_OUT])}
                for (known, seed), run in sorted(runs.items())
                if known == arm
            ],
        }
        for arm in ARMS
    ]
    arms = [arm for arm in arms if len(arm["runs"]) > 1]
    first, *others = ([run["accuracy"] for run in arm["runs"]] for arm in arms)
    compared = effects({arm["name"]: (first, other) for arm, other in zip(arms[1:], others, strict=True)})
    return {
        "data": data,
        "recipe": "finetune",
        "model": NETWORK,
        "design": "against",
        "command": command,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "seeds": [run["seed"] for run in arms[0]["runs"]],
        "train_images": len(source.train[1]),
        "validation_images": len(source.test[1][HELD_OUT]),
        **{name: about[name] for name in ("backend", "versions", "hardware")},
        "arms": arms,
        "effects": [
            {
                "trick": f"{arms[0]['name']} over {name}",
                "arm": arms[0]["name"],
                "against": name,
                "accuracy": dataclasses.asdict(effect),
                "verdict": verdict(effect),
            }
            for name, effect in compared.items()
        ],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--out", default="runs/finetune.jsonl")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--head-rate", type=float, default=3e-3)
    parser.add_argument("--whole-rate", type=float, default=3e-4)
    arguments = parser.parse_args()
    if arguments.json and (arguments.seeds < 2 or len(arguments.arms) < 2):
        parser.error("--json compares two arms or more over two seeds or more")
    about, rates = environment(), {"head": arguments.head_rate, "whole": arguments.whole_rate}
    setting = {
        "folder": str(Path(arguments.data).resolve()),
        "rates": rates,
        "side": SIDE,
        "is": spelled(finetune.recipe),
    }
    setting |= {name: about[name] for name in ("backend", "versions", "hardware")}
    kept = Kept(arguments.out, setting)
    asked = list(itertools.product(range(arguments.seeds), arguments.arms))
    runs = {(run["arm"], run["seed"]): run for run in kept.runs if (run["seed"], run["arm"]) in asked}
    for seed, arm in asked:
        if (arm, seed) not in runs:
            runs[arm, seed] = kept.add(one(arm, arguments.data, seed, rates))
            print(f"# {arm}, seed {seed}: {100 * statistics.mean(runs[arm, seed]['right']):.2f} %", file=sys.stderr)
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    print(f"All test images:\n\n{table(runs, slice(None))}\n")
    print(f"Every other one, by which the recipe was chosen:\n\n{table(runs, LOOKED_AT)}\n")
    print(f"The others, on which nothing was chosen:\n\n{table(runs, HELD_OUT)}\n")
    print(
        f"Images of {SIDE} pixels, {EPOCHS} epochs, batches of {BATCH}; Adam at {arguments.head_rate:g} (head) and "
        f"{arguments.whole_rate:g} (whole). {about['backend']}; {about['hardware']}; {versions}"
    )
    if arguments.json:
        words = f"FOLDER --seeds {arguments.seeds} --arms {' '.join(arguments.arms)} --json FILE"
        command = f"KERAS_BACKEND={about['backend']} python benchmarks/finetune.py {words}"
        arguments.json.write_text(json.dumps(record(runs, arguments.data, command)), encoding="utf-8")
