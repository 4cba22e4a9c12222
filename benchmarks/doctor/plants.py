"""Faults, each planted in a small case, and the same case without it: the arguments of `kerastricks.doctor`."""

import functools
import math
import types

import keras
import numpy as np
from keras import layers

import kerastricks as kt

PLANTS: dict = {}  # words: (the name of the finding, a function from whether it is planted to the arguments)
BATCH, STEPS = 144, 10  # the 1,438 digits to train on make 10 batches
SCHEDULES = keras.optimizers.schedules


def plant(words, name):
    def decorate(function):
        PLANTS[words] = name, function
        return function

    return decorate


@functools.cache
def digits():
    return kt.data.load("digits")


def train(count=None):
    images, labels = digits().train
    return images[:count], labels[:count]


def network(*, last=None, outputs=10, norm=None, scale=1 / 255, first=(), width=8, seed=1):
    """A convolution, and a last layer; between them `norm`."""
    keras.utils.set_random_seed(seed)
    between = [] if norm is None else [norm]
    return keras.Sequential(
        [
            *(keras.Input((8, 8, 1)), *first, layers.Rescaling(scale), layers.Conv2D(width, 3, padding="same")),
            *(*between, layers.ReLU(), layers.MaxPooling2D(), layers.Flatten()),
            layers.Dense(outputs, activation=last),
        ]
    )


def compiled(model, optimizer="adam", loss=None, **settings):
    model.compile(optimizer, loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return {"model": model, "data": train(), **settings}


RUN = {"epochs": 10, "batch_size": BATCH}


@plant("an integer initial rate in a schedule", "integer learning rate")
def integer_rate(planted):
    schedule = SCHEDULES.CosineDecay(0 if planted else 0.0, 90, warmup_target=0.1, warmup_steps=10)
    return compiled(network(), keras.optimizers.SGD(schedule), **RUN)


@plant("a rate of zero", "learning rate zero")
def zero_rate(planted):
    return compiled(network(), keras.optimizers.SGD(0.0 if planted else 0.01))


@plant("softmax together with from_logits=True", "probabilities taken for logits")
def softmax_twice(planted):
    return compiled(network(last="softmax" if planted else None))


@plant("logits with from_logits=False", "logits taken for probabilities")
def logits_as_probabilities(planted):
    return compiled(network(last=None if planted else "softmax"), loss="sparse_categorical_crossentropy")


@plant("softmax over one output", "softmax over one output")
def softmax_of_one(planted):
    images, labels = train()
    model = network(last="softmax" if planted else "sigmoid", outputs=1)
    return {**compiled(model, loss="binary_crossentropy"), "data": (images, labels % 2)}


@plant("label smoothing in the compiled loss", "smoothed validation loss")
def smoothing(planted):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1 if planted else 0)
    images, labels = train()
    held_out = digits().validation
    return {
        **compiled(network(), loss=loss),
        "data": (images, keras.utils.to_categorical(labels)),
        "validation_data": (held_out[0], keras.utils.to_categorical(held_out[1])),
    }


@plant("weight decay 5e-4 in Keras' SGD with momentum 0.9", "decoupled weight decay")
def decoupled(planted):
    kind = keras.optimizers.SGD if planted else kt.SGD
    return compiled(network(), kind(0.1, momentum=0.9, weight_decay=5e-4))


@plant("weight decay 1e-4 in AdamW", "decoupled weight decay")
def decoupled_adam(planted):
    return compiled(network(), keras.optimizers.AdamW(1e-3, weight_decay=1e-4 if planted else 0.05), **RUN)


@plant("BatchNormalization momentum 0.99 in a run of 100 steps", "BatchNormalization momentum too high")
def momentum(planted):
    return compiled(network(norm=layers.BatchNormalization(momentum=0.99 if planted else 0.9)), **RUN)


@plant("BatchNormalization momentum 0.999 in a run of 1,000 steps", "BatchNormalization momentum too high")
def long_momentum(planted):
    norm = layers.BatchNormalization(momentum=0.999 if planted else 0.99)
    return compiled(network(norm=norm), epochs=100, batch_size=BATCH)


@plant("a new BatchNormalization that is not trainable", "BatchNormalization frozen")
def frozen(planted):
    return compiled(network(norm=layers.BatchNormalization(trainable=not planted)))


@plant("a new BatchNormalization called with training=False", "BatchNormalization frozen")
def inference(planted):
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3)(layers.Rescaling(1 / 255)(x))
    x = layers.BatchNormalization()(x, training=False if planted else None)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    return compiled(keras.Model(inputs, layers.Dense(10)(x)))


@plant("a training step in inference mode", "BatchNormalization never updated")
def never_updated(planted):
    class Own(keras.Sequential):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=False if planted else training, mask=mask)

    inner = network(norm=layers.BatchNormalization(momentum=0.9))
    model = Own([keras.Input((8, 8, 1)), *inner.layers])
    found = compiled(model)
    model.fit(*train(64), batch_size=32, verbose=0)
    return found


@plant("momentum 1 in BatchNormalization", "BatchNormalization never updated")
def momentum_one(planted):
    return compiled(network(norm=layers.BatchNormalization(momentum=1.0 if planted else 0.9)))


@plant("one BatchNormalization in two places", "BatchNormalization shared")
def shared(planted):
    norm = layers.BatchNormalization()
    x = inputs = keras.Input((8, 8, 1))
    x = norm(layers.Conv2D(8, 3, padding="same")(layers.Rescaling(1 / 255)(x)))
    x = (norm if planted else layers.BatchNormalization())(layers.Conv2D(8, 3, padding="same")(layers.ReLU()(x)))
    return compiled(keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x))))


@functools.cache
def slow_statistics(momentum):
    """A network that has learned in 75 steps."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(x)
    for _ in range(4):
        x = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(x))
    model = keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    found = compiled(model, keras.optimizers.Adam(0.02))
    model.fit(*train(), batch_size=96, epochs=5, verbose=0)
    return found


@plant("statistics with momentum 0.999 after 75 steps", "BatchNormalization statistics lag")
def lag(planted):
    return slow_statistics(0.999 if planted else 0.9)


@plant("the same, told by the history alone", "BatchNormalization statistics lag")
def lag_in_history(planted):
    curves = {"accuracy": [0.7, 0.96], "val_accuracy": [0.3, 0.31 if planted else 0.94]}
    history = types.SimpleNamespace(history=curves, params={"epochs": 2, "steps": 45})
    model = compiled(network(norm=layers.BatchNormalization(momentum=0.999)))["model"]
    model.optimizer.iterations.assign(90)
    model.layers[2].moving_mean.assign(np.full(8, 0.1))
    return {"model": model, "history": history}


@plant("rotation in bfloat16", "augmentation in 16 bits")
def low_precision(planted):
    turn = layers.RandomRotation(0.1, dtype="mixed_bfloat16" if planted else "float32")
    return compiled(network(first=[layers.RandomFlip(dtype="mixed_bfloat16"), turn]))


@plant("an average of the weights beside early stopping that restores the best", "averaged weights lost")
def average_dropped(planted):
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    swap = [] if planted else [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]
    return compiled(network(), keras.optimizers.Adam(use_ema=True), callbacks=[*swap, stop])


@plant("an average swapped at epochs, and early stopping that restores nothing", "averaged weights lost")
def average_swapped(planted):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=not planted)
    return compiled(network(), keras.optimizers.Adam(use_ema=True), callbacks=[swap, stop])


@plant("an average that a training loop never writes back", "averaged weights lost")
def average_kept(planted):
    found = compiled(network(), keras.optimizers.Adam(use_ema=True))
    model = found["model"]
    for _ in range(3):
        model.train_on_batch(*train(64))
    if not planted:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    return found


def pipeline(images, labels):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((images, labels))


@plant("tf.data that shuffles once", "shuffle repeats")
def shuffled_once(planted):
    return {"data": pipeline(*train()).shuffle(2000, reshuffle_each_iteration=not planted).batch(32)}


@plant("tf.data with a cache after the shuffle", "shuffle repeats")
def cached(planted):
    data = pipeline(*train())
    return {"data": (data.shuffle(2000).cache() if planted else data.cache().shuffle(2000)).batch(32).prefetch(1)}


class Reseeded(keras.utils.PyDataset):
    """Shuffles after each epoch: always with one seed, or with one generator."""

    def __init__(self, planted):
        super().__init__()
        self.planted, self.random, self.order = planted, np.random.default_rng(0), np.arange(1438)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = (np.random.default_rng(0) if self.planted else self.random).permutation(1438)

    def __len__(self):
        return 45

    def __getitem__(self, index):
        rows = self.order[32 * index : 32 * index + 32]
        return tuple(side[rows] for side in train())


@plant("a PyDataset that shuffles with the same seed in every epoch", "shuffle repeats")
def reseeded(planted):
    return {"data": Reseeded(planted)}


@plant("a schedule for twice the run", "schedule longer than the run")
def long_schedule(planted):
    return compiled(network(), keras.optimizers.Adam(SCHEDULES.CosineDecay(1e-3, 200 if planted else 100)), **RUN)


@plant("a schedule for half the run", "schedule shorter than the run")
def short_schedule(planted):
    return compiled(network(), keras.optimizers.Adam(SCHEDULES.CosineDecay(1e-3, 50 if planted else 100)), **RUN)


@plant("a step of the rate after the end of the run", "schedule longer than the run")
def late_step(planted):
    schedule = SCHEDULES.PiecewiseConstantDecay([50, 150 if planted else 75], [0.1, 0.01, 0.001])
    return compiled(network(), keras.optimizers.SGD(schedule), **RUN)


@plant("a sparse loss with one-hot labels", "loss does not fit the labels")
def sparse(planted):
    images, labels = train()
    return {**compiled(network()), "data": (images, keras.utils.to_categorical(labels) if planted else labels)}


@plant("a categorical loss with integer labels", "loss does not fit the labels")
def categorical(planted):
    images, labels = train()
    found = compiled(network(), loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    return {**found, "data": (images, labels if planted else keras.utils.to_categorical(labels))}


@plant("one output and binary_crossentropy on ten classes", "loss does not fit the labels")
def binary(planted):
    images, labels = train()
    found = compiled(network(last="sigmoid", outputs=1), loss="binary_crossentropy")
    return {**found, "data": (images, labels if planted else labels // 5)}


@plant("labels from 1 to 10 for ten outputs", "labels beyond the outputs")
def beyond(planted):
    images, labels = train()
    return {**compiled(network()), "data": (images, labels + planted)}


@plant("pixels divided by 255 before a Rescaling(1 / 255)", "pixels scaled twice")
def scaled_twice(planted):
    images, labels = train()
    return {**compiled(network()), "data": (images / 255 if planted else images, labels)}


@plant("pixels of 0 to 255 without a scaling", "pixels never scaled")
def never_scaled(planted):
    images, labels = train()
    return {**compiled(network(scale=1.0)), "data": (images if planted else images / 255, labels)}


@plant("pixels of 0 to 255 for a network that learned on 0 to 1", "pixels never scaled")
def other_scale(planted):
    model = network(norm=layers.BatchNormalization(momentum=0.0), scale=1.0)
    images, labels = train()
    model(images[:256].astype("float32") / 255, training=True)  # its statistics are those of such images
    model.layers[2].momentum = 0.9
    return {**compiled(model), "data": (images if planted else images / 255, labels)}


@plant("validation labels from 1 to 10", "labels shifted")
def shifted(planted):
    images, labels = digits().validation
    return {"data": train(), "validation_data": (images, labels + planted)}


def named(images, labels, names):
    data = pipeline(images, labels).batch(32)
    data.class_names = names
    return data


@plant("folders of other names in validation", "labels shifted")
def other_names(planted):
    names = list("abcdefghij")
    return {
        "data": named(*train(), names),
        "validation_data": named(*digits().validation, names[::-1] if planted else names),
    }


@functools.cache
def learned():
    model = network(width=16)
    found = compiled(model, keras.optimizers.Adam(0.02))
    model.fit(*train(), batch_size=96, epochs=6, verbose=0)
    return found


@plant("validation labels in reverse order, and a network that has learned", "labels shifted")
def reversed_labels(planted):
    images, labels = digits().validation
    return {**learned(), "validation_data": (images, 9 - labels if planted else labels)}


@plant("36 training images among those to validate with", "duplicates across the split")
def duplicates(planted):
    images, labels = digits().validation
    if planted:
        images, labels = (np.concatenate([side, own[:36]]) for side, own in zip((images, labels), train(), strict=True))
    return {"data": train(), "validation_data": (images, labels)}


@plant("an output without images", "class without images")
def empty_class(planted):
    return compiled(network(outputs=11 if planted else 10))


@plant("a layer of units pushed below zero", "dead ReLUs")
def dead(planted):
    model = network()
    model.layers[1].bias.assign(np.full(8, -100.0 if planted else 0.0))
    return compiled(model)


@plant("a network of such units alone", "same answer for every image")
def same_answer(planted):
    return dead(planted)


@plant("a weight that is NaN", "answers that are no numbers")
def not_finite(planted):
    model = network()
    model.layers[-1].bias.assign(np.full(10, np.nan if planted else 0.0))
    return compiled(model)


@plant("a rate of 1e-9, and the finder", "learning rate too low")
def slow(planted):
    return compiled(network(), keras.optimizers.Adam(1e-9 if planted else 0.01), batch_size=64, sweep=True)


@plant("a rate of 1,000, and the finder", "learning rate too high")
def fast(planted):
    return compiled(network(), keras.optimizers.SGD(1000.0 if planted else 0.1), batch_size=64, sweep=True)


@plant("a loss of NaN in the history", "loss is no number")
def diverged(planted):
    return {"history": {"loss": [2.3, math.nan if planted else 2.0, math.nan if planted else 1.9]}}


@plant("a loss that stays at ln(10) = 2.3026", "loss never moved")
def still(planted):
    return {"model": network(), "history": {"loss": [2.31, 2.303, 2.302 if planted else 1.9]}}


@plant("training accuracy 95 %, validation accuracy 10 %", "validation at chance")
def chance(planted):
    return {"model": network(), "history": {"accuracy": [0.5, 0.95], "val_accuracy": [0.1, 0.1 if planted else 0.5]}}


@plant("validation accuracy that falls from 90 % to 70 %", "best epoch long ago")
def overfitted(planted):
    return {"history": {"val_accuracy": [0.8, 0.9, 0.85, 0.8, 0.75, 0.7 if planted else 0.88]}}
