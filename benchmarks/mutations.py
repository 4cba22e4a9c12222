"""Writes docs/mutations.md: each trick made a no-op by one line, and the tests that notice.

    KERAS_BACKEND=torch python benchmarks/mutations.py > docs/mutations.md

The tree is copied to a temporary folder; there one line of a trick is changed, and the trick's own tests and the table
of `tests/test_conformance.py` run. A mutation that no test notices ends the script with status 1.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

# file: (line that does the work, what stands there instead)
MUTATIONS = {
    "tricks/binary_crossentropy.py": (
        "return keras.losses.BinaryCrossentropy(",
        "return loss; return keras.losses.BinaryCrossentropy(",
    ),
    "tricks/color_jitter.py": (
        "return color_jitter(images, brightness, contrast, saturation, hue), targets",
        "return images, targets",
    ),
    "tricks/cosine_decay.py": (
        "return keras.optimizers.schedules.CosineDecay(",
        "return rate; return keras.optimizers.schedules.CosineDecay(",
    ),
    "tricks/cutmix.py": ("return cutmix(images, targets, share, row, column, order)", "return images, targets"),
    "tricks/distillation.py": ("return self.weight * distillation(", "return 0.0 * distillation("),
    "tricks/early_stopping.py": (
        "return [*callbacks, _EarlyStopping(",
        "return callbacks; return [*callbacks, _EarlyStopping(",
    ),
    "tricks/efficient.py": ("done = []", "return model; done = []"),
    "tricks/ema.py": ("return ops.minimum(momentum, (1 + updates) / (10 + updates))", "return 1.0"),
    "tricks/gradient_accumulation.py": ("inner.gradient_accumulation_steps = self.steps", "pass"),
    "tricks/gradient_clipping.py": ("inner.global_clipnorm = self.norm", "pass"),
    "tricks/hold.py": ("return HoldSchedule(", "return rate; return HoldSchedule("),
    "tricks/label_smoothing.py": ("return images, smooth_labels(targets, amount)", "return images, targets"),
    "tricks/linear_scaling.py": ("return learning_rate * batch_size / reference", "return learning_rate"),
    "tricks/low_precision.py": ('set_precision(model, f"mixed_{self.dtype}"):', "[model]:"),
    "tricks/mixup.py": ("return mixup(images, targets, weight, order)", "return images, targets"),
    "tricks/no_bias_decay.py": ("inner.decay_kernels_only(self.exclude, self.include)", "pass"),
    "tricks/pca_noise.py": (
        "return pca_noise(images, alpha), targets",
        "return images, targets",
    ),
    "tricks/polynomial_decay.py": (
        "return keras.optimizers.schedules.PolynomialDecay(",
        "return rate; return keras.optimizers.schedules.PolynomialDecay(",
    ),
    "tricks/random_choice.py": ("chosen = ops.where(here, option, chosen)", "pass"),
    "tricks/rand_augment.py": (
        "return rand_augment(images, operation, amount), targets",
        "return images, targets",
    ),
    "tricks/random_crop.py": ("return random_crop(images, top, left, self.padding), targets", "return images, targets"),
    "tricks/random_erasing.py": (
        "return random_erasing(images, erase, area, aspect, row, column, float(self.value)), targets",
        "return images, targets",
    ),
    "tricks/random_flip.py": ("return random_flip(images, flip), targets", "return images, targets"),
    "tricks/random_resized_crop.py": (
        "return random_resized_crop(images, area, aspect, row, column, self.sides, self.aspect), targets",
        "return images[:, : self.sides[0], : self.sides[1]], targets",
    ),
    "tricks/step_decay.py": (
        "return keras.optimizers.schedules.PiecewiseConstantDecay(",
        "return rate; return keras.optimizers.schedules.PiecewiseConstantDecay(",
    ),
    "tricks/trivial_augment.py": (
        "return operations.operate(pixels.whole(images), operation, amount), targets",
        "return images, targets",
    ),
    "tricks/warmup.py": ("return WarmupSchedule(", "return rate; return WarmupSchedule("),
    "tricks/zero_gamma.py": ("norm.gamma.assign(", "("),
    "optimizers.py": ("if self.weight_decay and self.coupled:", "if False:"),
    "schedules.py": ("return ops.where(step < self.steps, self.rate(step), after)", "return after"),
    "engine.py": ("images, targets = trick.batch(images, targets, **draws)", "pass"),
}


def outcome(tree: Path, name: str) -> tuple[int, str]:
    """Runs the tests of one file; returns how many failed, and the name of the first."""
    own = tree / "tests" / Path(name).parent / f"test_{Path(name).name}"
    tests = [str(own), str(tree / "tests" / "test_conformance.py")]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=tree, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"The tests of {name} did not run:\n{done.stdout}{done.stderr}")
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return len(failed), failed[0].removeprefix("tests/") if failed else ""


if __name__ == "__main__":
    missing = {f"tricks/{path.name}" for path in (ROOT / "kerastricks" / "tricks").glob("[!_]*.py")} - set(MUTATIONS)
    if missing:
        sys.exit(f"No mutation for: {', '.join(sorted(missing))}")
    print("# Tests that notice\n")
    print("Each trick made a no-op by a change of one line, and the tests that fail; written by")
    print("`benchmarks/mutations.py`.\n")
    print("| file | line that was changed | failed | the first of them |\n|---|---|---|---|")
    unnoticed = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv*", "runs", "__pycache__"))
        for name, (line, instead) in MUTATIONS.items():
            path = tree / "kerastricks" / name
            source = path.read_text(encoding="utf-8")
            if source.count(line) != 1:
                sys.exit(f"{name} does not hold this line once: {line}")
            path.write_text(source.replace(line, instead), encoding="utf-8")
            failed, first = outcome(tree, name)
            path.write_text(source, encoding="utf-8")
            print(f"| {name} | `{line}` | {failed} | {first} |", flush=True)
            if not failed:
                unnoticed.append(name)
    if unnoticed:
        sys.exit(f"No test notices: {', '.join(unnoticed)}")
