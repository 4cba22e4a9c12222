"""`step_decay.py` in batches of 1,024, with nothing else changed: the foot of `benchmarks/ladder.py`."""

import kerastricks as kt

recipe = kt.Recipe(
    (kt.StepDecay((6, 9)), kt.RandomFlip()), learning_rate=0.1, weight_decay=5e-4, epochs=10, batch_size=1024
)
