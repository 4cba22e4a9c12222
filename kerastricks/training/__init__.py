"""A training run: the interface of a trick, the recipe that applies them, the engine, the batches."""
