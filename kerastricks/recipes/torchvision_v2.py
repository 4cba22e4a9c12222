"""torchvision's new recipe for ResNet-50: 600 epochs, trained at 176 pixels and tested at 224.

Its figure: 80.858 % top-1 on ImageNet, that of `ResNet50_Weights.IMAGENET1K_V2`; not measured here. Vryniotis, 2021,
"How to Train State-Of-The-Art Models Using TorchVision's Latest Primitives", pytorch.org/blog, whose table says what
each step brought, in percent:

    the recipe before it                  76.130
    + rate 0.5, cosine, warmup            76.494   +0.364
    + TrivialAugment                      76.806   +0.312
    + 600 epochs                          78.606   +1.800
    + random erasing                      78.796   +0.190
    + label smoothing                     79.114   +0.318
    + mixup                               79.232   +0.118
    + CutMix                              79.510   +0.278
    + weight decay, and none of γ and β   80.036   +0.526
    + trained at 176 pixels               80.196   +0.160
    + EMA                                 80.450   +0.254
    + tested at 224 of 232 pixels         80.674   +0.224
    + repeated augmentation               80.858   +0.184

What is other here: images are loaded as squares of 232 pixels, and crops are made from those, at 224 pixels, and then
resized to 176; the rate climbs update by update, not epoch by epoch; one mixing per batch of 1,024, not per GPU's 128;
the bias of the last layer does not decay either; what is erased becomes grey, not the mean colour; TrivialAugment takes
the nearest pixels and does not interpolate; the average takes every update, not each 32nd with what makes up for it,
and follows the weights from the beginning, not from epoch 5 on, at a momentum that rises as (1 + updates) / (10 +
updates) and is that of 600 epochs whatever `--epochs` says; moments of BatchNormalization are those of the batch of
1,024, the copies of an image in it, and not of a GPU's 128.

    kerastricks train imagenet/ --recipe torchvision_v2 --model resnet50b --image-size 232
"""

from kerastricks import tricks
from kerastricks.optimizers.sgd import SGD
from kerastricks.training.recipe import Recipe

GREY = 255 * (0.485 + 0.456 + 0.406) / 3  # the mean of ImageNet's three channels
EMA_DECAY = 1 - (1 - 0.99998) * 1024 * 32 / 600  # over 32 updates


def momentum_09(learning_rate, weight_decay):
    """Returns SGD with momentum 0.9, not Nesterov's."""
    return SGD(learning_rate, momentum=0.9, weight_decay=weight_decay)


recipe = Recipe(
    (
        tricks.Warmup(5, start=0.005),
        tricks.CosineDecay(),
        tricks.NoBiasDecay(),
        tricks.RepeatedAugmentation(4),
        tricks.RandomResizedCrop(224),
        tricks.ProgressiveResizing(initial_scale=176 / 224, final_scale=176 / 224),
        tricks.RandomFlip(),
        tricks.TrivialAugment(),
        tricks.RandomErasing(0.1, area=(0.02, 0.33), aspect=(0.3, 3.3), value=GREY),
        tricks.LabelSmoothing(0.1),
        tricks.RandomChoice((tricks.MixUp(0.2), tricks.CutMix(1.0))),
        tricks.EMA(EMA_DECAY ** (1 / 32)),
    ),
    optimizer=momentum_09,
    learning_rate=0.5,
    weight_decay=2e-5,
    epochs=600,
    batch_size=1024,
)
