"""What every network is compiled with."""

from typing import Any

import keras


def accuracies(classes: int, sparse: bool = False) -> list:
    """Returns top-1 accuracy and, for ten or more classes, top-5; `sparse` ones take integer labels."""
    top_1, top_5 = keras.metrics.CategoricalAccuracy, keras.metrics.TopKCategoricalAccuracy
    if sparse:
        top_1, top_5 = keras.metrics.SparseCategoricalAccuracy, keras.metrics.SparseTopKCategoricalAccuracy
    chosen: list = [top_1(name="accuracy")]
    if classes >= 10:
        chosen.append(top_5(5, name="top_5_accuracy"))
    return chosen


def jit_compile() -> Any:
    """Returns the fastest setting of `compile(jit_compile=...)`: on TensorFlow, a CPU does better without XLA."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow

    return "auto" if tensorflow.config.list_physical_devices("GPU") else False
