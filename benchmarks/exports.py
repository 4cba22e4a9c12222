"""What an export gives beside Keras, in each form, for a model trained on each backend.

    python benchmarks/exports.py FOLDER [--images 200] [--forms onnx saved_model litert openvino]

Trains EfficientNet-Lite0 for an epoch on photographs of FOLDER on each backend that is installed, exports it, and
prints the largest difference of a probability on real images that `kerastricks export` found.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FORMS = ("onnx", "saved_model", "litert", "openvino")
COMMAND = [sys.executable, "-m", "kerastricks.cli"]


def said(*words):
    """Returns what a command printed; ends the script where it fails."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    arguments = parser.parse_args()
    print("| trained on | form | largest difference of a probability | compared |\n|---|---|---|---|")
    for backend in filter(importlib.util.find_spec, ("tensorflow", "jax", "torch")):
        with tempfile.TemporaryDirectory() as folder:
            run = str(Path(folder, "run"))
            short = ["--epochs", "1", "--images", str(arguments.images), "--image-size", "128"]
            said("train", arguments.data, "--backend", backend, "--out", run, *short)
            for form in arguments.forms:
                text = said("export", run, "--format", form, "--images", arguments.data, "--backend", backend)
                (difference,) = re.findall(r"largest difference of a probability (\S+)", text)
                (compared,) = re.findall(r"compared in (.*)", text)
                print(f"| {backend} | {form} | {difference} | {compared} |", flush=True)
