"""The large batch of `benchmarks/large_batch.py`, with nothing else changed."""

import kerastricks as kt

recipe = kt.Recipe(
    (kt.CosineDecay(), kt.RandomFlip()), learning_rate=0.1, weight_decay=5e-4, epochs=10, batch_size=1024
)
