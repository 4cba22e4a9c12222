"""Images a second of whole training against native PyTorch and plain Keras, in one run.

    python benchmarks/speed.py [--model resnet20|resnet50] [--backends tensorflow torch jax] [--rounds 5]

Each side is a process that waits for its turn: native PyTorch (channels-last, bfloat16 autocast, SGD with Nesterov
momentum), plain Keras (`compile` and `fit` at their defaults), and the `tutorial` recipe with `Efficient`. A round
gives every side one turn of some training steps on random images; ratios are taken within a round, and the figure is
their median.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

SHAPES = {"resnet20": (32, 128, 40), "resnet50": (160, 16, 6)}  # side, batch, steps of a turn


def native(model: str, side: int, batch: int, steps: int):
    """Plain PyTorch; returns a function that trains for one turn."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Residual(nn.Module):
        def __init__(self, body, shortcut):
            super().__init__()
            self.body, self.shortcut = body, shortcut

        def forward(self, x):
            return F.relu(self.body(x) + self.shortcut(x))

    def conv(inputs, filters, size, stride=1):
        return [
            nn.Conv2d(inputs, filters, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(filters),
        ]

    def stages(inputs, widths, counts, expansion):
        for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
            for block in range(count):
                stride = 2 if stage and not block else 1
                outputs = width * expansion
                if expansion == 1:
                    body = [*conv(inputs, width, 3, stride), nn.ReLU(), *conv(width, width, 3)]
                else:
                    body = [*conv(inputs, width, 1, stride), nn.ReLU(), *conv(width, width, 3), nn.ReLU()]
                    body += conv(width, outputs, 1)
                same = stride == 1 and inputs == outputs
                shortcut = nn.Identity() if same else nn.Sequential(*conv(inputs, outputs, 1, stride))
                yield Residual(nn.Sequential(*body), shortcut)
                inputs = outputs

    if model == "resnet20":
        stem, widths = [*conv(3, 16, 3), nn.ReLU()], (16, 32, 64)
        body, features, classes = stages(16, widths, (3, 3, 3), 1), 64, 10
    else:
        stem, widths = [*conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], (64, 128, 256, 512)
        body, features, classes = stages(64, widths, (3, 4, 6, 3), 4), 2048, 1000
    network = nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    images = torch.rand(batch * steps, 3, side, side).to(device, memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (len(images),), device=device)

    def turn():
        for x, y in zip(images.split(batch), labels.split(batch), strict=True):
            with torch.autocast(device, torch.bfloat16):
                loss = F.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item()

    return turn


def keras_side(model: str, side: int, batch: int, steps: int, tricks: bool):
    """Keras, plain or with the recipe; returns a function that trains for one turn."""
    import keras
    import numpy as np

    import kerastricks as kt
    from kerastricks.batches import TrainingBatches
    from kerastricks.recipes.tutorial import recipe

    random = np.random.default_rng(0)
    classes = 10 if model == "resnet20" else 1000
    images = random.integers(0, 256, (batch * steps, side, side, 3), "uint8")
    labels = random.integers(0, classes, len(images)).astype("int32")
    network = kt.models.build(model, classes=classes, input_shape=(side, side, 3))
    if not tricks:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
        network.compile(optimizer, loss, metrics=["accuracy"])
        return lambda: network.fit(images, labels, batch_size=batch, verbose=0)
    plan = kt.Plan(epochs=100, steps_per_epoch=steps, batch_size=batch)
    full = kt.Recipe((kt.Efficient(), *recipe.tricks))
    sys.stdout = sys.stderr  # Efficient says what it did; the pipe is for figures
    engine = full.compile(network, plan)
    sys.stdout = sys.__stdout__
    batches = TrainingBatches(images, labels, plan, full.tricks)
    return lambda: engine.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)


def work(side_name: str, model: str) -> None:
    """Prints the seconds of one turn for each line on standard input."""
    shape = SHAPES[model]
    turn = native(model, *shape) if side_name == "native" else keras_side(model, *shape, side_name == "kerastricks")
    turn()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        turn()
        print(time.perf_counter() - start, flush=True)


def main(model: str, backends: list[str], rounds: int) -> None:
    _, batch, steps = SHAPES[model]
    sides = [("native", "torch")] + [(name, backend) for backend in backends for name in ("plain", "kerastricks")]
    workers = {}
    for name, backend in sides:
        command = [sys.executable, __file__, "--work", name, "--model", model]
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        workers[name, backend] = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        assert workers[name, backend].stdout.readline().strip() == "ready"
    speeds: dict = {key: [] for key in workers}
    for _ in range(rounds):
        for key, worker in workers.items():
            worker.stdin.write("go\n")
            worker.stdin.flush()
            speeds[key].append(batch * steps / float(worker.stdout.readline()))
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    print(f"{model}, batch {batch}, {rounds} rounds of {steps} steps; images/s are medians, ratios medians of rounds")
    print(f"{'side':26} images/s  of native PyTorch  of plain Keras, same backend")
    for (name, backend), values in speeds.items():
        ratios = [
            statistics.median(a / b for a, b in zip(values, speeds[peer], strict=True)) if peer in speeds else 0
            for peer in (("native", "torch"), ("plain", backend))
        ]
        label = "native PyTorch bf16" if name == "native" else f"{name} on {backend}"
        shown = f"{ratios[1]:14.2f}" if name != "native" else ""
        print(f"{label:26} {statistics.median(values):8.0f}  {ratios[0]:17.2f}  {shown}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=SHAPES, default="resnet20")
    parser.add_argument("--backends", nargs="+", default=["tensorflow", "torch", "jax"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work, arguments.model)
    else:
        main(arguments.model, arguments.backends, arguments.rounds)
