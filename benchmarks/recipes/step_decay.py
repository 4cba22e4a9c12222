"""The fair opponent of `cifar` in ten epochs: steps, rate and augmentation tuned on held-out training images, too."""

import kerastricks as kt

recipe = kt.Recipe(
    (kt.StepDecay((6, 9)), kt.RandomFlip()), learning_rate=0.1, weight_decay=5e-4, epochs=10, batch_size=128
)
