"""The small batch of `benchmarks/large_batch.py`: its rate is the one that the heuristics scale from."""

import kerastricks as kt

recipe = kt.Recipe((kt.CosineDecay(), kt.RandomFlip()), learning_rate=0.1, weight_decay=5e-4, epochs=10, batch_size=128)
