"""Optimizers and learning-rate schedules, in the paper's form and in the tutorial's."""
