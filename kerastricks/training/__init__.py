"""What happens in a run: the contract of a trick, the recipe that folds them, the engine, the batches."""
