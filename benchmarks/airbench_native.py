"""The peer of `seconds_to_accuracy.py`: the network and recipe `airbench` in plain PyTorch.

bfloat16 autocast, channels last, one plain loop, on the first GPU if there is one. It does what the recipe does: the
same rates, decay, smoothing, crops, alternating flips and slow weights, the same evaluation after each epoch. Its
whitening comes from the first 5,000 images, as Jordan's, and its momentum is PyTorch's, whose velocity does not hold
the rate. Keras is not imported.
"""

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """Returns float32 images (N, C, H, W) in PyTorch's channels-last layout, from uint8 ones (N, H, W, C)."""
    return ((pixels.float() / 255 - torch.tensor(MEAN)) / torch.tensor(DEVIATION)).permute(0, 3, 1, 2)


def convolution(channels: int, filters: int) -> nn.Conv2d:
    """A 3×3 convolution without bias, whose first filters pass their channel on."""
    layer = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[:channels])
    return layer


def norm(filters: int) -> nn.BatchNorm2d:
    """A normalization without γ, whose statistics keep 0.6 of what they were."""
    layer = nn.BatchNorm2d(filters, eps=1e-12, momentum=0.4)
    layer.weight.requires_grad = False
    return layer


def block(channels: int, filters: int) -> list[nn.Module]:
    first = [convolution(channels, filters), nn.MaxPool2d(2), norm(filters), nn.GELU()]
    return [*first, convolution(filters, filters), norm(filters), nn.GELU()]


class Ninth(nn.Module):
    def forward(self, x):
        return x / 9


def network(images: torch.Tensor, classes: int) -> nn.Sequential:
    """Returns the network, whose first convolution whitens the 2×2 patches of `images`, as `scaled` returns them."""
    first = nn.Conv2d(3, 24, 2, bias=False)
    patches = functional.unfold(images, 2).transpose(1, 2).reshape(-1, 12).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    kernel = (vectors / (values + 5e-4).sqrt()).flip(1).T.reshape(12, 3, 2, 2).float()
    first.weight.data[:], first.weight.requires_grad = torch.cat([kernel, -kernel]), False
    blocks = [*block(24, 64), *block(64, 256), *block(256, 256)]
    last = [nn.MaxPool2d(3), nn.Flatten(), Ninth(), nn.Linear(256, classes, bias=False)]
    return nn.Sequential(first, nn.GELU(), *blocks, *last).to(memory_format=torch.channels_last)


def seconds_to(
    target: float,
    train: tuple[np.ndarray, np.ndarray],
    held_out: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    seed: int,
    batch_size: int = 1024,
    say: Callable[[int, float, float], None] = lambda epoch, accuracy, seconds: None,
) -> tuple[float, float, int]:
    """Trains until an epoch ends with a held-out accuracy of `target`, or to the end.

    Args:
        target: Accuracy.
        train: Images (N, 32, 32, 3), uint8, and labels.
        held_out: Likewise.
        epochs: Epochs for which the rates and the slow weights are laid out.
        seed: Seed of weights, order, crops and flips.
        batch_size: Images in a batch.
        say: Called after each epoch with its number, the accuracy and the seconds so far.

    Returns:
        The seconds, the best accuracy and the epochs done.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_device(device)
    torch.manual_seed(seed)
    start = time.perf_counter()
    (images, labels), (tests, answers) = (
        (torch.from_numpy(x).to(device), torch.from_numpy(y).long().to(device)) for x, y in (train, held_out)
    )
    model = network(scaled(images[:5000]), int(labels.max()) + 1)
    shifts = [layer.bias for layer in model if isinstance(layer, nn.BatchNorm2d)]
    kernels = [
        p for layer in model if isinstance(layer, nn.Conv2d | nn.Linear) for p in [layer.weight] if p.requires_grad
    ]
    groups = [{"params": kernels, "weight_decay": 0.0153 / 11.5}, {"params": shifts, "times": 64}]
    optimizer = torch.optim.SGD(groups, lr=1.5, momentum=0.85, nesterov=True)
    slow = [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]
    fast = [p for group in optimizer.param_groups for p in group["params"]]
    steps = math.ceil(len(labels) / batch_size)
    total, rise = epochs * steps, round(0.23 * epochs * steps)
    mirrored = torch.rand(len(labels)) < 0.5
    padded = functional.pad(images, (0, 0, 2, 2, 2, 2))
    step, best = 0, 0.0
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(labels))
        for chosen in order.split(batch_size):
            rate = 0.2 + 0.8 * step / rise if step < rise else 1 - 0.93 * (step - rise) / (total - rise)
            for group in optimizer.param_groups:
                group["lr"] = 1.5 * rate * group.get("times", 1)
            x = cropped(padded[chosen])
            flip = mirrored[chosen] ^ bool(epoch % 2)
            x[flip] = x[flip].flip(2)
            with torch.autocast(device, torch.bfloat16):
                loss = functional.cross_entropy(model(scaled(x)).float(), labels[chosen], label_smoothing=0.2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 5 == 0 or step == total:
                with torch.no_grad():
                    kept = 0.95**5 * (step / total) ** 3
                    torch._foreach_lerp_(slow, fast, 1 - kept if step % 5 == 0 else 0.0)
                    torch._foreach_copy_(fast, slow)
        best = max(best, accuracy(model, tests, answers, batch_size))
        say(epoch, best, time.perf_counter() - start)
        if best >= target:
            break
    return time.perf_counter() - start, best, epoch + 1


def cropped(padded: torch.Tensor) -> torch.Tensor:
    """Crops each image (N, 36, 36, C), padded by 2, to 32×32 pixels at a random place."""
    count = len(padded)
    top, left = torch.randint(0, 5, (2, count, 1))
    rows, columns = top + torch.arange(32), left + torch.arange(32)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, batch_size: int) -> float:
    """Returns the accuracy of the outputs for an image and its mirror image together."""
    model.eval()
    with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16):
        right = [
            ((model(scaled(x)) + model(scaled(x.flip(2)))).argmax(1) == y).sum()
            for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True)
        ]
    return float(sum(right) / len(labels))
