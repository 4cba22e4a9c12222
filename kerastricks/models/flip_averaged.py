"""A classifier that looks at each image and at its mirror image."""

from typing import Any

import keras
from keras import layers, ops

from kerastricks.models.graph import has_graph


def flip_averaged(model: Any) -> Any:
    """Returns a model whose outputs are the mean of those of `model` for an image and for its mirror image.

        (f(x) + f(mirror(x))) / 2

    Logits stay logits, and probabilities probabilities. The new model shares the weights of `model`, which does not
    change, and is compiled with the same loss and metrics if `model` is; its layers are plain Keras, for `evaluate`,
    `predict`, `export` and `save`, and it takes twice as long. Where the loss is not one of Keras', a saved one opens
    without kerastricks by `compile=False`.

    Args:
        model: A functional or Sequential model of images (N, H, W, C).

    Raises:
        ValueError: If the model has no graph, or not one input of images, or is compiled with a function of yours that
            is not registered for saving.

    Reference: Jordan, 2024, arXiv:2404.00498.
    """
    shape = model.input_shape if has_graph(model) else None
    if not isinstance(shape, tuple) or len(shape) != 4 or len(model.outputs) != 1:
        raise ValueError(
            "Flips are averaged for a functional or Sequential model of images, (N, height, width, channels), with one "
            f"output. Received: {type(model).__name__}"
            + (f" with input shape {shape}" if shape else " without a graph")
        )
    images = keras.Input(shape[1:], dtype=model.inputs[0].dtype)
    outputs = layers.Average()([model(images), model(ops.flip(images, axis=2))])
    averaged = keras.Model(images, outputs, name=f"{model.name}_with_flips")
    if model.compiled:
        config = {**model.get_compile_config(), "optimizer": "sgd"}  # Keras opens no compiled model without one
        try:
            settings = keras.saving.deserialize_keras_object(config)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"'{model.name}' is compiled with a loss or metric of your own, which Keras cannot make anew: "
                f"{str(error).splitlines()[0]} Put @keras.saving.register_keras_serializable() before it."
            ) from error
        averaged.compile(**settings)
        averaged.optimizer.build(averaged.trainable_variables)
    return averaged
