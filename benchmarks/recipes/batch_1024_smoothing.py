"""In batches of 1,024, with the four heuristics, cosine decay and label smoothing: the top of the ladder."""

import kerastricks as kt

recipe = kt.Recipe(
    (
        kt.LinearScaling(128),
        kt.Warmup(1),
        kt.CosineDecay(),
        kt.ZeroGamma(),
        kt.NoBiasDecay(),
        kt.LabelSmoothing(0.1),
        kt.RandomFlip(),
    ),
    learning_rate=0.1,
    weight_decay=5e-4,
    epochs=10,
    batch_size=1024,
)
