"""The doctor: finds faults that raise no error in a model, its data or the history of a run."""
