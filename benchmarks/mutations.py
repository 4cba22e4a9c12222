"""Writes docs/mutations.md: a change that breaks each trick and each part of training, and the tests that notice.

    KERAS_BACKEND=torch python benchmarks/mutations.py > docs/mutations.md
    KERAS_BACKEND=torch python benchmarks/mutations.py training/engine.py    # the rows of some files

Every hook that a trick overrides is made the one that changes nothing, and so is its `check`: those rows are made from
the sources. For each other file of the rooms in `ROOMS` a line that does the work is changed by hand, in `BY_HAND`. The
tree is copied to a temporary folder; there one row is changed at a time, and the tests beside the file, with the table
of `tests/test_conformance.py`, run. A row that no test notices ends the script with status 1.
"""

import ast
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kerastricks"
ROOMS = ("image", "optimizers", "data", "models", "training")
HOOKS = (
    *("plan", "learning_rate", "model", "loss", "optimizer", "stages", "callbacks", "order", "batch", "evaluation"),
    *("auxiliary", "averages"),
)
NOTHING = {"check": "return", "stages": "return {}", "auxiliary": "return None", "averages": "return None"}

# Files that run on one backend alone.
BACKENDS = {"training/devices/mesh.py": "jax", "training/devices/mirrors.py": "tensorflow"}
# file: (a line of it, what stands there instead)
BY_HAND = {
    "data/__init__.py": ("if images >= len(labels):", "if True:"),
    "data/atomic.py": ("os.fsync(file.fileno())", "pass"),
    "data/cache.py": ("if zlib.crc32(row.data) + 1 != self._table[index]:", "if False:"),
    "data/counts.py": ("if low == high:", "if False:"),
    "data/csv_file.py": ("if missing := [path", "if missing := [] and [path"),
    "data/decode.py": ("image = ImageOps.exif_transpose(image)", "pass"),
    "data/depth.py": ("return (whole >> (bits - 8))", "return (whole >> 8)"),
    "data/digits.py": ("(255 / 16)", "(255 / 32)"),
    "data/division.py": ("if extra := [name for name in found", "if extra := [name for name in []"),
    "data/folder.py": ("sorted(found.files[folder])", "sorted(found.files[folder], reverse=True)"),
    "data/jpeg.py": ('return "premature end" in str(error).lower()', "return False"),
    "data/labelled.py": ('for split in ("test", "validation")', 'for split in ("validation", "test")'),
    "data/listing.py": ("for number, name in enumerate(classes)", "for number, name in enumerate(sorted(classes))"),
    "data/names.py": ('encode("unicode_escape")', 'encode("ascii", "replace")'),
    "data/apart.py": ("if not isinstance(error, EOFError", "if True or not isinstance(error, EOFError"),
    "data/bad.py": ("if len(bad) <= (most := allowed(allow_bad, files)):", "if len(bad) <= (most := 10**9):"),
    "data/child.py": ("signal.signal(getattr(signal, name), signal.SIG_IGN)", "pass"),
    "data/duplicates.py": ("both = np.intersect1d(keys[train], keys[others])", "both = keys"),
    "data/gathered.py": ("wanted[listing.rows(split)] = True", "wanted[:] = True"),
    "data/known_rows.py": ("if path == own or rest or not count:", "if True:"),
    "data/scan.py": ("if file.read() != end:", "if False:"),
    "data/threads.py": ("itertools.islice(left, AHEAD)", "left"),
    "data/pixels.py": ("return self.images[self.indices[indices]]", "return self.images[indices]"),
    "data/random_access.py": ('if hasattr(os, "preadv"):', "if True:"),
    "data/randomness.py": ("counter=[0, 0, 0, position]", "counter=[0, 0, 0, 0]"),
    "data/source.py": ("path.name if path.is_dir() else path.stem", "path.name"),
    "data/split_folders.py": ("name.lower() in known", "name in known"),
    "data/walk.py": ("if identity in read:", "if False:"),
    "data/split.py": ("max(1, round(share * len(members)))", "1"),
    "image/geometry.py": ("return ops.minimum(ops.floor(", "return 0 * ops.minimum(ops.floor("),
    "image/levels.py": ("return ops.floor((weighted + 32768) / 65536)", "return ops.floor(weighted / 65536)"),
    "image/operations.py": ('table = where("Equalize", levels.equalize(counts, most), table)', "pass"),
    "models/airbench.py": ("np.concatenate([scaled, -scaled], axis=1)", "np.concatenate([scaled, scaled], axis=1)"),
    "models/applications.py": (
        "blue_first = (white - black) / 255, bool(red[0] == black[0])",
        "blue_first = (white - black) / 255, False",
    ),
    "models/archive.py": ("if title in _CODE:", "if False:"),
    "models/blocks.py": ("chained = not joins", "chained = False"),
    "models/build.py": ("if class_count(model) != classes:", "if False:"),
    "models/channels_last.py": ("images = functional.pad(images, (left, width - left, top, height - top))", "pass"),
    "models/efficientnet_lite.py": ("ends = stage in (0, len(_STAGES) - 1)", "ends = False"),
    "models/flip_averaged.py": ("model(ops.flip(images, axis=2))", "model(ops.flip(images, axis=1))"),
    "models/footprint.py": ("if weights and learns and", "if weights and"),
    "models/fused_batch_norm.py": ("known * layer.momentum", "known * 0.5"),
    "models/drop_path.py": ("parts[place] = drop(parts[place], **told)", "pass"),
    "models/graph.py": ("few <= 1 and many > few and", "many > few and"),
    "models/heads.py": ('return special.softmax(scores, axis=-1) if output == "logits" else scores', "return scores"),
    "models/keras_hub.py": ('return Path(name, "config.json").is_file()', "return False"),
    "models/parted_batch_norm.py": ("ops.mean(batch, axis=0)", "batch[0]"),
    "models/precision.py": ("for layer in changed:", "for layer in ():"),
    "models/pretrained.py": ("if amiss:", "if False:"),
    "models/resnet.py": ("gamma = self.gamma_initializer if last", 'gamma = "ones" if last'),
    "models/saved.py": ('if not found.pop("version") > VERSION:', 'if found.pop("version"):'),
    "models/torch_file.py": ("strides = [stride * flat.itemsize for stride in self.strides]", "strides = None"),
    "models/torch_direct.py": ("slots = {graph.inputs[0]: _Slot(0)}", "return None"),
    "optimizers/lamb.py": ("update = trust_ratio(weight, update) * update", "pass"),
    "optimizers/lookahead.py": ("fast.assign(ops.where(back, moved, ahead))", "pass"),
    "optimizers/muon.py": ("kernels[-1] if kernels and self.exclude_last else None", "None"),
    "optimizers/rates.py": ("groups.setdefault(self._factor(pair[1]), [])", "groups.setdefault(1.0, [])"),
    "optimizers/schedules.py": ("return ops.where(step < self.steps, self.rate(step), after)", "return after"),
    "optimizers/sgd.py": ("if not self.coupled_weight_decay or", "if True or"),
    "optimizers/tutorial.py": ("rate = np.where(step < warmup_steps, warmup, rate)", "pass"),
    "training/averages.py": ("average.assign(m * ops", "average.assign(0 * ops"),
    "training/batches.py": ("permutation(self.plan.seed, epoch, len(self.labels))", "np.arange(len(self.labels))"),
    "training/callbacks/clock.py": ("batch + self._executed - self._first", "batch + 1"),
    "training/callbacks/data_wait.py": ("waited += max(0.0, ready - self._ends[before])", "pass"),
    "training/callbacks/tensorboard.py": ("step=epoch", "step=0"),
    "training/callbacks/learning_rate.py": ('logs["learning_rate"] = ', "_ = "),
    "training/compilation.py": ("if classes >= 10:", "if True:"),
    "training/devices/__init__.py": ("if plan.batch_size < total:", "if False:"),
    "training/devices/hosts.py": ("if number in there:", "if False:"),
    "training/devices/mesh.py": ("return slice(self.rank * part, (self.rank + 1) * part)", "return slice(0, part)"),
    "training/devices/mirrors.py": ("self.count * self._rows.count / everywhere", "1.0"),
    "training/devices/one.py": ("return slice(0, size)", "return slice(1, size)"),
    "training/evaluation.py": ("min((index + 1) * self.batch_size, len(self.labels))", "(index + 1) * self.batch_size"),
    "training/checks.py": ("if low < 0 or high >= classes:", "if False:"),
    "training/engine.py": ("images, targets = self.devices.mix(trick, images, targets, draws)", "pass"),
    "training/mixing.py": ("& on", "& True"),
    "training/fit.py": ("count = math.floor(len(labels) * (1 - fraction))", "count = len(labels) - 1"),
    "training/fold.py": ("check_setup(setup)", "pass"),
    "training/one_hot.py": ('ops.cast(y_true, "int32")', '0 * ops.cast(y_true, "int32")'),
    "training/recipe.py": ("if name not in self.names:", "if False:"),
    "training/shell.py": ("return self.network.weights", "return self.network.weights[:1]"),
    "training/sources.py": ("check_labels(batch.labels, classes, self.name)", "pass"),
    "training/stages.py": ("loop.callbacks.sort(key=lambda callback: callback is guard)", "pass"),
    "training/callbacks/history_file.py": ('restval="NA"', 'restval=""'),
    "training/checkpoint_file.py": ("hashlib.sha256(body).digest() != digest", "False"),
    "training/checkpoints.py": ("for path in reversed(files):", "for path in files:"),
    "training/divergence.py": ("if self.broken:", "if False:"),
    "training/fingerprint.py": ("grows = now[GROWS] > before[GROWS]", "grows = True"),
    "training/guard.py": ("raise Stop(self._pending)", "pass"),
    "training/jax_values.py": ('if keras.backend.backend() != "jax":', "if False:"),
    "training/run.py": ('differs = difference(saved.header["fingerprint"], own)', "differs = []"),
    "training/run_state.py": ("variable.assign(found[key])", "pass"),
    "training/saver.py": ("(self.best is None or score > self.best)", "True"),
    "training/signals.py": ("pending.received = pending.received or signal.Signals(number)", "pass"),
    "training/sweep.py": ("third = lengths[end] / 3", "third = 0"),
    "training/trick.py": ("return self.batches // self.accumulation", "return self.batches"),
}


class Row(NamedTuple):
    """A change: the file, what is changed in words, and the source of the file afterwards."""

    file: str
    change: str
    source: str


def rows() -> list[Row]:
    """Returns all rows, tricks first."""
    found = [row for path in sorted((PACKAGE / "tricks").glob("[!_]*.py")) for row in of_trick(path)]
    for file, (line, instead) in BY_HAND.items():
        source = (PACKAGE / file).read_text(encoding="utf-8")
        if source.count(line) != 1:
            raise ValueError(f"{file} does not hold this line once: {line}")
        found.append(Row(file, f"`{line}` → `{instead}`", source.replace(line, instead)))
    return found


def of_trick(path: Path) -> Iterator[Row]:
    """Yields a row for each hook of the trick in a file."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef) or "dataclass" not in " ".join(map(ast.unparse, node.decorator_list)):
            continue
        for hook in node.body:
            if not isinstance(hook, ast.FunctionDef) or hook.name not in (*HOOKS, "check"):
                continue
            given = [argument.arg for argument in hook.args.args[1:]]
            nothing = NOTHING.get(hook.name, f"return {', '.join(given[: 2 if hook.name == 'batch' else 1])}")
            lines = source.splitlines(keepends=True)
            lines[hook.body[0].lineno - 1 : hook.end_lineno] = [" " * hook.body[0].col_offset + nothing + "\n"]
            yield Row(f"tricks/{path.name}", f"`{hook.name}` does nothing", "".join(lines))


def tests_of(tree: Path, file: str) -> list[str]:
    """Returns the tests beside a file, and the table of all tricks."""
    path = Path(file)
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    own = sorted((tree / "tests" / path.parent).glob(f"test_{stem}*.py"))
    if file.startswith(("training/", "optimizers/")):
        own.append(tree / "tests" / "training" / "test_recipe.py")
    tried_as_a_whole = file in ("training/jax_values.py", "training/run.py", "training/stages.py")
    if file.startswith("training/") and (not own[:-1] or tried_as_a_whole):  # what makes a run go on
        own.append(tree / "tests" / "training" / "test_resume.py")
    if file.startswith("training/devices/"):
        own = [
            path for path in (tree / "tests" / "training" / "devices").glob("test_*.py") if path.stem != "test_death"
        ]
    if file == "data/__init__.py":
        own = sorted((tree / "tests" / "data").glob("test_*.py"))
    if file.startswith("image/"):
        own = sorted((tree / "tests" / "image").glob("test_*.py"))
    if file.startswith("models/"):
        own += sorted((tree / "tests" / "models").glob("test_models.py"))
    return [str(test) for test in dict.fromkeys([*own, tree / "tests" / "test_conformance.py"])]


def outcome(tree: Path, file: str) -> tuple[int, str]:
    """Runs the tests of one file; returns how many failed, and the name of the first."""
    options = ["--maxfail=3", "-p", "no:cacheprovider", "-o", "addopts=--strict-markers --import-mode=importlib -q"]
    command = [sys.executable, "-m", "pytest", *options, "--all-backends", *tests_of(tree, file)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **({"KERAS_BACKEND": BACKENDS[file]} if file in BACKENDS else {})}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)
    if done.returncode not in (0, 1, 2):
        sys.exit(f"The tests of {file} did not run:\n{done.stdout}{done.stderr}")
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return len(failed), failed[0].removeprefix("tests/") if failed else ""


def noticed(row: Row, trees: queue.SimpleQueue) -> tuple[int, str]:
    """Makes the change of a row in one of the trees, and takes it back; returns what `outcome` does."""
    tree = trees.get()
    path = tree / "kerastricks" / row.file
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(row.source, encoding="utf-8")
        return outcome(tree, row.file)
    finally:
        path.write_text(before, encoding="utf-8")
        trees.put(tree)


if __name__ == "__main__":
    print("# Tests that notice\n")
    print(
        "One change at a time that breaks a trick or a part of training, and the first tests that fail, three at most;"
    )
    print("written by `benchmarks/mutations.py`.\n")
    print("| file | change | failed | the first of them |\n|---|---|---|---|")
    unnoticed = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        trees: queue.SimpleQueue = queue.SimpleQueue()  # one for each row that is tried at the time
        for number in range(os.cpu_count() or 1):
            tree = Path(folder, str(number))
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv*", "runs", "__pycache__"))
            trees.put(tree)
        every = [row for row in rows() if not sys.argv[1:] or row.file in sys.argv[1:]]
        for row, (failed, first) in zip(every, pool.map(lambda row: noticed(row, trees), every), strict=True):
            print(f"| {row.file} | {row.change} | {failed} | {first} |", flush=True)
            if not failed:
                unnoticed.append(f"{row.file}: {row.change}")
    if unnoticed:
        sys.exit("No test notices:\n" + "\n".join(unnoticed))
