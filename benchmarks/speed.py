"""Whole training with the `tutorial` recipe and `Efficient` beside plain Keras and native PyTorch, on each backend.

    python benchmarks/speed.py [--model resnet20] [--backends tensorflow torch jax] [--rounds 5]

Runs `kerastricks bench`, which gives every side one turn a round, for each backend; ratios are medians of the rounds.
"""

import argparse
import os
import subprocess
import sys

SETTINGS = {
    "resnet20": "--batch-size 128 --steps 120",
    "resnet50": "--model ResNet50 --image-size 160 --classes 1000 --batch-size 16 --steps 8",
    **{
        f"{name}-{side}": f"--model {name} --image-size {side} --batch-size 32 --steps 6"
        for name in ("efficientnet_lite0", "MobileNetV2")
        for side in (160, 224)
    },
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=SETTINGS, default="resnet20")
    parser.add_argument("--backends", nargs="+", default=["tensorflow", "torch", "jax"])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for backend in arguments.backends:
        words = f"bench --recipe tutorial --efficient {SETTINGS[arguments.model]} --rounds {arguments.rounds}"
        environment = {**os.environ, "KERAS_BACKEND": backend}
        subprocess.run([sys.executable, "-m", "kerastricks.cli", *words.split()], env=environment, check=True)
        print(flush=True)
