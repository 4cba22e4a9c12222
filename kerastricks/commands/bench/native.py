"""The same network in plain PyTorch, as a peer to measure against: channels last, bfloat16 where it is fast."""

from typing import Any

from keras import layers

from kerastricks.models.graph import Graph, has_graph


def translate(model: Any) -> Any:
    """Returns a `torch.nn.Module` of the form of a functional Keras model, with weights of its own.

    It takes images (N, C, H, W), and pads strided convolutions on both sides alike, as PyTorch models do.

    Raises:
        ValueError: If a layer has no counterpart here.
    """
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self, graph):
            super().__init__()
            self.steps = []
            modules: dict[int, Any] = {}
            for node in graph.nodes:
                operation = node.operation
                if isinstance(operation, layers.InputLayer):
                    continue
                if id(operation) not in modules:
                    modules[id(operation)] = Network(Graph(operation)) if has_graph(operation) else _module(operation)
                self.steps.append((modules[id(operation)], node.inputs, node.outputs[0]))
            self.kept = nn.ModuleList(modules.values())
            self.first, self.last = graph.inputs[0], graph.outputs[0]

        def forward(self, x):
            known = {self.first: x}
            for module, read, written in self.steps:
                known[written] = module(*(known[key] for key in read))
            return known[self.last]

    return Network(Graph(model)).to(memory_format=torch.channels_last)


def _module(layer: Any) -> Any:
    """Returns the PyTorch module of one layer."""
    from torch import nn

    kind = type(layer).__name__
    activation = _activation(getattr(getattr(layer, "activation", None), "__name__", "linear"))
    match kind:
        case "Conv2D" | "DepthwiseConv2D":
            channels = layer.input.shape[-1]
            outputs = layer.output.shape[-1]
            padding = [reach // 2 if layer.padding == "same" else 0 for reach in layer.kernel_size]
            groups = layer.groups if kind == "Conv2D" else channels
            settings = {"stride": layer.strides, "padding": padding, "dilation": layer.dilation_rate}
            module: Any = nn.Conv2d(
                channels, outputs, layer.kernel_size, groups=groups, bias=layer.use_bias, **settings
            )
        case "BatchNormalization":
            affine = layer.scale or layer.center
            module = nn.BatchNorm2d(layer.input.shape[-1], layer.epsilon, 1 - layer.momentum, affine)
        case "ReLU":
            module = nn.ReLU() if layer.max_value is None else nn.ReLU6()
        case "Dense":
            module = nn.Linear(layer.input.shape[-1], layer.units, layer.use_bias)
        case "MaxPooling2D" | "AveragePooling2D":
            padding = [reach // 2 if layer.padding == "same" else 0 for reach in layer.pool_size]
            pool = nn.MaxPool2d if kind == "MaxPooling2D" else nn.AvgPool2d
            module = pool(layer.pool_size, layer.strides, padding)
        case "GlobalAveragePooling2D":
            pool = nn.AdaptiveAvgPool2d(1)
            module = pool if layer.keepdims else nn.Sequential(pool, nn.Flatten())
        case "ZeroPadding2D":
            (top, bottom), (left, right) = layer.padding
            module = nn.ZeroPad2d((left, right, top, bottom))
        case "Flatten":
            module = nn.Flatten()
        case "Reshape" if len(layer.target_shape) == 1 or layer.target_shape[:2] == (1, 1):
            module = nn.Flatten() if len(layer.target_shape) == 1 else nn.Identity()
        case "Dropout":
            module = nn.Dropout(layer.rate)
        case "Add":
            module = _call(lambda first, *others: sum(others, first))
        case "Multiply":
            module = _call(lambda first, second: first * second)
        case "Concatenate":
            import torch

            module = _call(lambda *tensors: torch.cat(tensors, 1))
        case "Rescaling":
            module = _call(lambda x: x * layer.scale + layer.offset)
        case "Activation" | "Identity":
            module = nn.Identity()
        case _:
            raise ValueError(f"{kind} has no counterpart in plain PyTorch here.")
    return module if activation is None else nn.Sequential(module, activation)


def _activation(name: str) -> Any:
    from torch import nn

    known = {"linear": None, "relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU, "sigmoid": nn.Sigmoid}
    if name not in known:
        raise ValueError(f"The activation '{name}' has no counterpart in plain PyTorch here.")
    chosen = known[name]
    return None if chosen is None else chosen()


def _call(function: Any) -> Any:
    from torch import nn

    class Call(nn.Module):
        def forward(self, *tensors):
            return function(*tensors)

    return Call()


def training(model: Any, batch_size: int, steps: int, bfloat16: bool) -> Any:
    """Returns a function that trains the network of `model` for `steps` on random images, as a plain loop does.

    SGD with Nesterov momentum and weight decay; on the first GPU if there is one, and then under `torch.compile`.

    Args:
        model: A functional Keras classifier.
        batch_size: Images in a batch.
        steps: Steps of one call.
        bfloat16: Whether the forward pass runs under bfloat16 autocast.
    """
    import torch
    from torch.nn import functional

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = translate(model).to(device, memory_format=torch.channels_last)
    if device == "cuda":
        network = torch.compile(network)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    height, width, channels = model.input_shape[1:]
    images = torch.rand(4 * batch_size, channels, height, width).to(device, memory_format=torch.channels_last)
    labels = torch.randint(0, model.output_shape[-1], (len(images),), device=device)
    batches = list(zip(images.split(batch_size), labels.split(batch_size), strict=True))

    def train() -> None:
        for step in range(steps):
            x, y = batches[step % len(batches)]
            with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
                loss = functional.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item()

    return train
