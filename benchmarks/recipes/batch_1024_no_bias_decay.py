"""In batches of 1,024, with the paper's four heuristics."""

import kerastricks as kt

recipe = kt.Recipe(
    (kt.LinearScaling(128), kt.Warmup(1), kt.StepDecay((6, 9)), kt.ZeroGamma(), kt.NoBiasDecay(), kt.RandomFlip()),
    learning_rate=0.1,
    weight_decay=5e-4,
    epochs=10,
    batch_size=1024,
)
