"""ResNet-50 and ResNet-50-D against the same networks written in PyTorch, with the same weights."""

import re

import keras
import numpy as np
import pytest

from kerastricks import models

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

WIDTH, CLASSES = 8, 10


def unit(inputs, outputs, size, stride=1):
    return [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs, eps=1e-5)]


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, form):
        super().__init__()
        first, second = (stride, 1) if form == "a" else (1, stride)
        body = [*unit(inputs, width, 1, first), nn.ReLU(), *unit(width, width, 3, second), nn.ReLU()]
        self.body = nn.Sequential(*body, *unit(width, 4 * width, 1))
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != 4 * width:
            pooled = form == "d" and stride > 1
            pool = [nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)] if pooled else []
            self.shortcut = nn.Sequential(*pool, *unit(inputs, 4 * width, 1, 1 if pooled else stride))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def reference(form):
    if form == "a":
        stem = [*unit(3, WIDTH, 7, 2), nn.ReLU()]
    else:
        half = WIDTH // 2
        stem = [*unit(3, half, 3, 2), nn.ReLU(), *unit(half, half, 3), nn.ReLU(), *unit(half, WIDTH, 3), nn.ReLU()]
    blocks, inputs = [], WIDTH
    for stage, count in enumerate((3, 4, 6, 3)):
        for block in range(count):
            blocks.append(Bottleneck(inputs, WIDTH * 2**stage, 2 if stage and not block else 1, form))
            inputs = 4 * WIDTH * 2**stage
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES)]
    return nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1), *blocks, *head).eval()


def in_order_of_creation(model, kind):
    found = [layer for layer in model.layers if type(layer) is kind]
    return sorted(found, key=lambda layer: int(re.search(r"(\d*)$", layer.name).group() or 0))


def test_that_names_count_from_zero():
    keras.utils.clear_session()
    model = models.build("resnet50d", classes=2, input_shape=(32, 32, 3), width=2)
    assert in_order_of_creation(model, keras.layers.Conv2D)[0].name == "conv2d"


@pytest.mark.parametrize("form", ["a", "d"])
@pytest.mark.parametrize("shape", [(64, 64), (75, 50)], ids=str)
def test_outputs_equal_the_reference(form, shape):
    keras.utils.clear_session()
    model = models.build(f"resnet50{form}", classes=CLASSES, input_shape=(*shape, 3), width=WIDTH)
    random = np.random.default_rng(0)
    network = reference(form)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        for layer, module in zip(in_order_of_creation(model, keras.layers.Conv2D), convolutions, strict=True):
            module.weight.copy_(torch.tensor(layer.get_weights()[0].transpose(3, 2, 0, 1)))
        for layer, module in zip(in_order_of_creation(model, keras.layers.BatchNormalization), norms, strict=True):
            drawn = random.uniform(0.5, 1.5, (4, len(module.weight))).astype("float32")
            layer.set_weights(list(drawn))
            for tensor, value in zip(
                (module.weight, module.bias, module.running_mean, module.running_var), drawn, strict=True
            ):
                tensor.copy_(torch.tensor(value))
        kernel, bias = model.layers[-1].get_weights()
        network[-1].weight.copy_(torch.tensor(kernel.T))
        network[-1].bias.copy_(torch.tensor(bias))
        images = random.integers(0, 256, (2, *shape, 3)).astype("float32")
        expected = network(torch.tensor((images / 127.5 - 1).transpose(0, 3, 1, 2))).numpy()
    obtained = model.predict(images, verbose=0)
    assert obtained == pytest.approx(expected, rel=1e-4, abs=1e-4 * float(np.abs(expected).max()))
