"""What a Keras user writes today: SGD with momentum at a constant learning rate, and no tricks."""

from kerastricks.training.recipe import Recipe

recipe = Recipe()
