"""Seconds of training until a held-out accuracy is reached, on CIFAR-10 or any folder of images.

    python benchmarks/seconds_to_accuracy.py FOLDER [--accuracy 0.94] [--model resnet20] [--recipe mine.py]

The clock runs over the whole `fit`, evaluations and compilation included, and stops at the end of the first epoch whose
held-out accuracy reaches the target; images are in the cache before. Prints the seconds, or how far the run came.
"""

import argparse
import time

import keras

import kerastricks as kt
from kerastricks.commands.environment import environment
from kerastricks.recipes.choose import choose


class Until(keras.callbacks.Callback):
    """Stops when the held-out accuracy reaches `target`."""

    def __init__(self, target: float):
        super().__init__()
        self.target, self.best = target, 0.0

    def on_epoch_end(self, epoch, logs=None):
        self.best = max(self.best, logs["val_accuracy"])
        self.model.stop_training = self.best >= self.target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--accuracy", type=float, default=0.94)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--recipe", default="tutorial")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    data = kt.data.load(arguments.folder)
    recipe = choose(arguments.recipe, efficient=True)
    about = environment()
    print(f"{arguments.model}, {arguments.recipe} on {about['backend']}; {about['hardware']}")
    for seed in arguments.seeds:
        keras.utils.set_random_seed(seed)
        model = kt.models.build(arguments.model, classes=len(data.classes), input_shape=data.image_shape)
        until = Until(arguments.accuracy)
        start = time.perf_counter()
        settings = {"epochs": arguments.epochs, "seed": seed, "callbacks": [until], "verbose": 0}
        recipe.fit(model, data.train, validation_data=data.validation, **settings)
        seconds = time.perf_counter() - start
        reached = (
            f"{arguments.accuracy:.2%} after" if until.best >= arguments.accuracy else f"{until.best:.2%} at best in"
        )
        print(f"seed {seed}: {reached} {seconds:.0f} s", flush=True)
