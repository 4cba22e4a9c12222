import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training import sweep as room
from kerastricks.training.sweep import ExponentialSchedule, smooth, steepest, sweep, tenth_of_minimum, valley


@pytest.mark.parametrize(("step", "expected"), [(0, 1e-3), (1, 1e-2), (2, 1e-1), (4, 10.0)])
def test_each_update_multiplies_the_rate(step, expected):
    """From 0.001 to 10 in five updates: each is ten times the one before."""
    assert float(ExponentialSchedule(1e-3, 10, 5)(step)) == pytest.approx(expected, rel=1e-4)


def test_the_mean_forgets_its_beginning_at_0():
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([1.0, 3.0], beta=0.5) == pytest.approx([1.0, (0.25 * 1 + 0.5 * 3) / 0.75])


RATES = [10.0**power for power in range(-6, 3)]
LOSSES = [5.0, 4.9, 4.5, 3.0, 2.0, 1.5, 1.4, 3.0, 9.0]


def test_the_rules():
    """The longest fall is of the first seven losses. A third of it is 2.33, and half of that 1.17."""
    assert steepest(RATES, LOSSES) == RATES[3]  # from 4.5 over 3.0 to 2.0
    assert tenth_of_minimum(RATES, LOSSES) == pytest.approx(0.1)
    assert valley(RATES, LOSSES) == RATES[-1 + 2 + 1]


def test_a_valley_may_have_bumps():
    assert valley([1, 2, 3, 4, 5, 6], [6.0, 5.0, 5.5, 4.0, 3.0, 2.0]) == 2


@pytest.fixture
def recipe():
    tricks = (kt.Freeze(1), kt.CosineDecay(), kt.LayerDecay(0.5), kt.ZeroGamma(), kt.MixUp(), kt.EMA(0.9))
    return kt.Recipe(tricks, learning_rate=0.01, epochs=10, batch_size=8)


def test_the_model_its_optimizer_and_the_generators_are_as_before(model, images, recipe):
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    everything = [*model.variables, *model.optimizer.variables]
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in everything]
    trainable = [layer.trainable for layer in model.layers]
    np.random.seed(3)
    expected = np.random.normal()
    np.random.seed(3)
    rates, losses = sweep(recipe, model, images, start=1e-4, stop=1.0, steps=12)
    assert np.random.normal() == expected
    for variable, value in zip(everything, before, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(variable), value)
    assert [layer.trainable for layer in model.layers] == trainable
    assert len(rates) == len(losses) == 12
    assert rates[0] == pytest.approx(1e-4) and rates[-1] == pytest.approx(1.0, rel=1e-4)


def test_slow_weights_go_no_further_than_at_the_end_of_the_run(model, images):
    """A run of four batches, a sweep of thirty: beyond the fourth the part would be below 0, and -210 in the end."""
    settings = {"start": 1e-4, "stop": 1e-3, "steps": 30}
    recipe = kt.Recipe((kt.Lookahead(2, 0.5, power=3),), epochs=1, batch_size=8)
    _, losses = sweep(recipe, model, images, **settings)
    _, plain = sweep(recipe.without("Lookahead"), model, images, **settings)
    assert losses == pytest.approx(plain, abs=0.1)


def test_images_grow_within_a_sweep(images):
    """Three epochs of a few batches: halves of 4 pixels, then 8, which a compiled step does not know."""
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, padding="same")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(10)(hidden))
    growing = kt.ProgressiveResizing(initial_scale=0.5, delay_fraction=0.0, finetune_fraction=0.3, size_increment=4)
    recipe = kt.Recipe((growing,), epochs=3, batch_size=8)
    assert len(sweep(recipe, network, images, start=1e-6, stop=1e-5, steps=30)[1]) == 30


def test_one_seed_gives_one_sweep(model, images, recipe):
    first = sweep(recipe, model, images, steps=10, seed=4)
    assert sweep(recipe, model, images, steps=10, seed=4) == first
    assert sweep(recipe, model, images, steps=10, seed=5) != first


def test_it_ends_where_the_loss_explodes(model, images):
    rates, losses = sweep(kt.Recipe(), model, images, start=1e-3, stop=1e9, steps=60, batch_size=8)
    assert len(rates) == len(losses) < 60
    assert np.isfinite(losses).all()


def test_with_accumulation_the_rate_grows_by_the_update(model, images):
    recipe = kt.Recipe((kt.GradientAccumulation(2),), epochs=10, batch_size=8)
    rates, _ = sweep(recipe, model, images, start=1e-4, stop=1e-2, steps=12)
    assert rates[0::2] == rates[1::2]
    assert rates[-1] == pytest.approx(1e-2, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": 1.0, "stop": 0.1}, r"`start` must be positive and below `stop`\. Received: start=1.0, stop=0.1"),
        ({"start": 0.0}, "`start` must be positive"),
        ({"steps": 9}, "`steps` must be at least 10. Received: steps=9"),
    ],
)
def test_numbers_out_of_range(model, images, settings, message):
    with pytest.raises(ValueError, match=message):
        sweep(kt.Recipe(), model, images, **settings)


def test_what_cannot_be_copied_is_told(model, images, monkeypatch):
    monkeypatch.setattr(room.keras.models, "clone_model", lambda model: (_ for _ in ()).throw(ValueError("no config")))
    with pytest.raises(ValueError, match=r"cannot be copied, which a sweep needs: no config Give its class"):
        sweep(kt.Recipe(), model, images)


def test_tricks_that_go_by_the_index_of_an_image_are_refused_for_a_data_set(model, images):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return images[0][:8], images[1][:8]

    with pytest.raises(ValueError, match="RepeatedAugmentation goes by the index of each image"):
        sweep(kt.Recipe((kt.RepeatedAugmentation(2),)), model, Batches(), steps=10)
