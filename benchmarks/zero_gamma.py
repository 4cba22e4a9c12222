"""Writes docs/zero_gamma.md: what `zero_gamma` finds in one model of every family of keras.applications.

python benchmarks/zero_gamma.py > docs/zero_gamma.md
"""

import keras

import kerastricks as kt
from kerastricks.models.graph import graphs, residuals

FAMILIES = (
    *("ResNet50", "ResNet50V2", "VGG16", "InceptionV3", "Xception", "InceptionResNetV2", "MobileNet", "MobileNetV2"),
    *("MobileNetV3Small", "MobileNetV3Large", "DenseNet121", "NASNetMobile", "EfficientNetB0", "EfficientNetV2B0"),
    "ConvNeXtTiny",
)


def additions(model) -> int:
    return sum(type(layer).__name__ == "Add" for graph in graphs(model) for layer in graph.model.operations)


if __name__ == "__main__":
    print("# What ZeroGamma finds\n")
    print(
        "One model of every family of `keras.applications`, built by `kerastricks.models.build`: its additions, and the"
    )
    print("layers whose γ `ZeroGamma` sets to zero, so that their block returns its shortcut. Written by")
    print("`benchmarks/zero_gamma.py`.\n")
    print("| model | additions | γ set to zero | what a user gets |")
    print("|---|---|---|---|")
    for name in FAMILIES:
        model = kt.models.build(name, classes=10, input_shape=(96, 96, 3))
        norms = [residual.norm for residual in residuals(model)]
        try:
            kt.zero_gamma(model)
            said = f"`{norms[0].name}` … `{norms[-1].name}`"
        except ValueError as error:
            said = str(error)
        print(f"| {name} | {additions(model)} | {len(norms)} | {said} |", flush=True)
        keras.backend.clear_session()
