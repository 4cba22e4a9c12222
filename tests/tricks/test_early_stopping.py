import numpy as np
import pytest

import kerastricks as kt


def test_stops_and_restores_the_best_weights(model, images):
    """Labels of the validation are false from the second image on: its loss can only grow with training."""
    pictures, labels = images
    false = (pictures, (labels + 1) % 3)
    recipe = kt.Recipe((kt.EarlyStopping(2),), learning_rate=0.05)
    history = recipe.fit(model, images, validation_data=false, epochs=12, batch_size=8, verbose=0)
    losses = history.history["val_loss"]
    assert len(losses) == int(np.argmin(losses)) + 3 < 12
    assert history.model.evaluate(*false, verbose=0)[0] == pytest.approx(min(losses), rel=1e-4)


def test_refuses_a_run_without_validation(model, images):
    with pytest.raises(ValueError, match="there is no validation loss"):
        kt.Recipe((kt.EarlyStopping(1),)).fit(model, images, epochs=2, batch_size=8, verbose=0)


def test_refuses_to_outwait_the_run(setup):
    kt.EarlyStopping(9).check(setup())
    with pytest.raises(ValueError, match="it waits 10 epochs and the run has 10"):
        kt.EarlyStopping(10).check(setup())


def test_refuses_no_patience():
    with pytest.raises(ValueError, match="Received: patience=0"):
        kt.EarlyStopping(0)
