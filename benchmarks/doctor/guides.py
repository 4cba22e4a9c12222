"""Set-ups without a fault: small copies of Keras' guides and examples, the shipped recipes, the shipped networks.

The layers, the losses, the optimizers, the callbacks and the way that data is scaled are the guides'; the images are
smaller, the networks narrower, and weights of ImageNet are stood for by BatchNormalization statistics of the images.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

import kerastricks as kt
from kerastricks.recipes import NAMES
from kerastricks.recipes.choose import find

GUIDES: dict = {}  # title: a function to the arguments of `kerastricks.doctor`
CLASSES = 10
SPARSE = functools.partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True)


def guide(title):
    def decorate(function):
        GUIDES[title] = function
        return function

    return decorate


@functools.cache
def photographs(side=32, channels=3, count=640, seed=0):
    """Patches of colour and noise, uint8, and labels, int (N, 1) as those of CIFAR-10."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    random.shuffle(labels)
    colours = np.random.default_rng(1).integers(40, 216, (CLASSES, 4, 4, channels))
    large = colours[labels].repeat(side // 4, 1).repeat(side // 4, 2)
    return np.clip(large + random.normal(0, 30, large.shape), 0, 255).astype("uint8"), labels.reshape(-1, 1)


def two_classes(side=32):
    images, labels = photographs(side)
    return images, (labels < 5).astype("int32")


def pipeline(images, labels, size=32, shuffle=True):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((images, labels))
    return (data.shuffle(640) if shuffle else data).batch(size)


def ended(model, optimizer, loss, **settings):
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return {"model": model, **settings}


def one_hot(labels):
    return keras.utils.to_categorical(labels, CLASSES)


def as_if_pretrained(base, side):
    """Gives the normalizations of a network the statistics of photographs, as learned weights have."""
    norms = [layer for layer in base.layers if isinstance(layer, layers.BatchNormalization)]
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    base(ops.convert_to_tensor(scaled_for(base, photographs(side)[0][:64])), training=True)
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum
    return base


def scaled_for(base, images):
    return images.astype("float32") if "efficientnet" in base.name else images.astype("float32") / 127.5 - 1


@guide("Simple MNIST convnet (keras.io/examples/vision/mnist_convnet)")
def mnist():
    images, labels = photographs(28, 1)
    model = keras.Sequential(
        [
            *(keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()),
            *(layers.Dropout(0.5), layers.Dense(10, activation="softmax")),
        ]
    )
    data = images.astype("float32") / 255, one_hot(labels)
    return ended(model, "adam", "categorical_crossentropy", data=data, batch_size=128, epochs=15)


@guide("TensorFlow quickstart: dense layers on MNIST")
def quickstart():
    images, labels = photographs(28, 1)
    model = keras.Sequential(
        [
            *(keras.Input((28, 28)), layers.Flatten(), layers.Dense(128, activation="relu")),
            *(layers.Dropout(0.2), layers.Dense(10)),
        ]
    )
    return ended(model, "adam", SPARSE(), data=(images[..., 0] / 255.0, labels[:, 0]), batch_size=32, epochs=5)


@guide("TensorFlow tutorial: convolutional network on CIFAR-10")
def cifar():
    images, labels = photographs()
    held_out = photographs(seed=9, count=160)
    model = keras.Sequential(
        [
            *(keras.Input((32, 32, 3)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu")),
            *(layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)),
        ]
    )
    settings = {"validation_data": (held_out[0] / 255.0, held_out[1]), "batch_size": 32, "epochs": 10}
    return ended(model, "adam", SPARSE(), data=(images / 255.0, labels), **settings)


@guide("ResNet on CIFAR-10, mean subtracted, with LearningRateScheduler (keras-team/keras examples/cifar10_resnet)")
def cifar_resnet():
    images, labels = photographs()
    x = inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
    for _ in range(2):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
        y = layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(y))
        x = layers.ReLU()(layers.add([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax", kernel_initializer="he_normal")(x))
    scaled = images.astype("float32") / 255
    callbacks = [
        keras.callbacks.ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True),
        keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 if epoch < 80 else 1e-4),
        keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=5, min_lr=0.5e-6),
    ]
    data = scaled - scaled.mean(axis=0), one_hot(labels)
    adam = keras.optimizers.Adam(1e-3)
    return ended(model, adam, "categorical_crossentropy", data=data, batch_size=32, epochs=200, callbacks=callbacks)


@guide("Image classification from scratch, cats and dogs (keras.io/examples/vision/image_classification_from_scratch)")
def from_scratch():
    images, labels = two_classes()
    augmentation = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)]
    x = inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, strides=2, padding="same")(layers.Rescaling(1 / 255)(x))
    previous = x = layers.Activation("relu")(layers.BatchNormalization()(x))
    for size in (32, 64):
        for _ in range(2):
            x = layers.SeparableConv2D(size, 3, padding="same")(layers.Activation("relu")(x))
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        previous = x = layers.add([x, layers.Conv2D(size, 1, strides=2, padding="same")(previous)])
    x = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(1)(x))
    data = pipeline(images, labels).map(lambda x, y: (functools.reduce(lambda x, one: one(x), augmentation, x), y))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    callbacks = [keras.callbacks.ModelCheckpoint("save_at_{epoch}.keras")]
    return ended(model, keras.optimizers.Adam(3e-4), loss, data=data.prefetch(2), epochs=25, callbacks=callbacks)


def transfer(thawed):
    images, labels = two_classes()
    base = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    base = as_if_pretrained(base, 32)
    base.trainable = thawed
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(scale=1 / 127.5, offset=-1)(inputs)
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    model = keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.2)(x)))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    data = pipeline(images, labels, 64, shuffle=False).prefetch(2).cache()
    adam = keras.optimizers.Adam(1e-5 if thawed else 1e-3)
    return ended(model, adam, loss, data=data, epochs=1 if thawed else 2)


@guide("Transfer learning: a frozen base in inference mode (keras.io/guides/transfer_learning)")
def frozen_base():
    return transfer(thawed=False)


@guide("Fine-tuning: the whole base at a low rate, its BatchNormalization in inference mode (the same guide)")
def thawed_base():
    return transfer(thawed=True)


def efficient(unfreeze):
    images, labels = photographs()
    base = as_if_pretrained(keras.applications.EfficientNetB0(False, None, input_shape=(32, 32, 3)), 32)
    base.trainable = False
    x = layers.BatchNormalization()(layers.GlobalAveragePooling2D(name="avg_pool")(base.output))
    model = keras.Model(base.inputs, layers.Dense(10, activation="softmax")(layers.Dropout(0.2)(x)))
    if unfreeze:
        model.layers[-3].moving_mean.assign(model.layers[-3].moving_mean + 0.1)  # the first stage trained it
        for layer in model.layers[-20:]:
            if not isinstance(layer, layers.BatchNormalization):
                layer.trainable = True
    rate = 1e-5 if unfreeze else 1e-2
    data = pipeline(images, one_hot(labels), 64, shuffle=False).prefetch(2)
    return ended(model, keras.optimizers.Adam(rate), "categorical_crossentropy", data=data, epochs=25)


@guide("Fine-tuning EfficientNet: a new last layer (keras.io: image_classification_efficientnet_fine_tuning)")
def efficient_top():
    return efficient(unfreeze=False)


@guide("Fine-tuning EfficientNet: the last 20 layers thawed but for BatchNormalization (the same example)")
def efficient_thawed():
    return efficient(unfreeze=True)


@guide("MixUp on Fashion MNIST (keras.io/examples/vision/mixup)")
def mixup():
    images, labels = photographs(28, 1)
    images, labels = images.astype("float32") / 255, one_hot(labels)
    weights = np.random.default_rng(0).beta(0.2, 0.2, len(images)).astype("float32")
    mixed = [
        w * side + (1 - w) * side[::-1]
        for side, w in ((images, weights[:, None, None, None]), (labels, weights[:, None]))
    ]
    model = keras.Sequential(
        [
            *(keras.Input((28, 28, 1)), layers.Conv2D(64, 5, strides=2, activation="relu")),
            *(layers.Conv2D(128, 5, strides=2, activation="relu"), layers.GlobalAveragePooling2D()),
            *(layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")),
        ]
    )
    held_out = pipeline(images[:100][:, ::-1], labels[:100], 64, shuffle=False)
    return ended(
        model, "adam", "categorical_crossentropy", data=pipeline(*mixed, 64), validation_data=held_out, epochs=10
    )


class Patches(layers.Layer):
    """The patches of an image, (N, patches, values)."""

    def call(self, images):
        size = images.shape[1] // 8
        parts = ops.reshape(images, (-1, 8, size, 8, size, 3))
        return ops.reshape(ops.transpose(parts, (0, 1, 3, 2, 4, 5)), (-1, 64, size * size * 3))


def encoder(x, dim=32):
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([layers.MultiHeadAttention(num_heads=2, key_dim=dim, dropout=0.1)(y, y), x])
    y = layers.Dense(dim, activation=keras.activations.gelu)(layers.LayerNormalization(epsilon=1e-6)(x))
    return layers.Add()([layers.Dropout(0.1)(y), x])


@guide("Vision Transformer with AdamW (keras.io/examples/vision/image_classification_with_vision_transformer)")
def vit():
    images, labels = photographs()
    augmentation = keras.Sequential(
        [
            *(layers.Normalization(), layers.Resizing(40, 40), layers.RandomFlip("horizontal")),
            *(layers.RandomRotation(factor=0.02), layers.RandomZoom(height_factor=0.2, width_factor=0.2)),
        ]
    )
    augmentation.layers[0].adapt(images)
    inputs = keras.Input((32, 32, 3))
    x = layers.Dense(32)(Patches()(augmentation(inputs)))
    x = encoder(encoder(x))
    x = layers.Dropout(0.5)(layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(x)))
    model = keras.Model(inputs, layers.Dense(10)(layers.Dense(64, activation="gelu")(x)))
    adamw = keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001)
    callbacks = [keras.callbacks.ModelCheckpoint("a.weights.h5", monitor="val_accuracy", save_best_only=True)]
    held_out = photographs(seed=9, count=160)
    settings = {"validation_data": held_out, "callbacks": callbacks}
    return ended(model, adamw, SPARSE(), data=(images, labels), **settings)


@guide("Compact Convolutional Transformer: label smoothing, val_accuracy watched (keras.io/examples/vision/cct)")
def cct():
    images, labels = photographs()
    inputs = keras.Input((32, 32, 3))
    x = layers.RandomFlip("horizontal")(layers.RandomCrop(32, 32)(layers.Rescaling(scale=1.0 / 255)(inputs)))
    x = layers.Conv2D(32, 3, activation="relu", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.Reshape((-1, 32))(layers.MaxPooling2D(3, 4)(x))
    x = layers.LayerNormalization(epsilon=1e-5)(encoder(x))
    pooled = ops.matmul(ops.transpose(ops.softmax(layers.Dense(1)(x), axis=1), (0, 2, 1)), x)
    model = keras.Model(inputs, layers.Dense(10)(ops.squeeze(pooled, -2)))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    callbacks = [keras.callbacks.ModelCheckpoint("a.weights.h5", monitor="val_accuracy", save_best_only=True)]
    held_out = photographs(seed=9, count=160)
    settings = {"validation_data": (held_out[0], one_hot(held_out[1])), "callbacks": callbacks}
    adamw = keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001)
    return ended(model, adamw, loss, data=(images, one_hot(labels)), **settings)


@guide("ConvMixer (keras.io/examples/vision/convmixer)")
def convmixer():
    def block(x):
        return layers.BatchNormalization()(layers.Activation("gelu")(x))

    images, labels = photographs()
    inputs = keras.Input((32, 32, 3))
    x = block(layers.Conv2D(32, 2, strides=2)(layers.Rescaling(scale=1.0 / 255)(inputs)))
    for _ in range(2):
        x = layers.Add()([block(layers.DepthwiseConv2D(kernel_size=5, padding="same")(x)), x])
        x = block(layers.Conv2D(32, 1)(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAvgPool2D()(x)))
    adamw = keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001)
    data = pipeline(images, labels, 128).prefetch(2)
    return ended(model, adamw, "sparse_categorical_crossentropy", data=data)


class Distiller(keras.Model):
    """The student is trained, the teacher stands by."""

    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def call(self, x):
        return self.student(x)


@guide("Knowledge distillation: a subclassed model (keras.io/examples/vision/knowledge_distillation)")
def distillation():
    def network(width):
        return keras.Sequential(
            [
                *(keras.Input((28, 28, 1)), layers.Conv2D(width, 3, strides=2, padding="same")),
                *(layers.LeakyReLU(negative_slope=0.2), layers.MaxPooling2D(2, 1, padding="same")),
                *(layers.Conv2D(2 * width, 3, strides=2, padding="same"), layers.Flatten(), layers.Dense(10)),
            ]
        )

    images, labels = photographs(28, 1)
    model = Distiller(network(8), network(16))
    model.build((None, 28, 28, 1))
    return ended(model, keras.optimizers.Adam(), SPARSE(), data=(images.astype("float32") / 255, labels[:, 0]))


@guide("Pneumonia on X-rays: ExponentialDecay, early stopping (keras.io/examples/vision/xray_classification_with_tpus)")
def xray():
    images, labels = two_classes()
    x = inputs = keras.Input((32, 32, 3))
    x = layers.MaxPool2D()(layers.Conv2D(16, 3, activation="relu", padding="same")(layers.Rescaling(1.0 / 255)(x)))
    for filters in (32, 64):
        x = layers.SeparableConv2D(filters, 3, activation="relu", padding="same")(x)
        x = layers.MaxPool2D()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.5)(layers.Dense(64, activation="relu")(layers.Flatten()(x)))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.015, decay_steps=100000, decay_rate=0.96, staircase=True)
    callbacks = [
        keras.callbacks.ModelCheckpoint("xray_model.keras", save_best_only=True),
        keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True),
    ]
    data = pipeline(images, labels, 25).repeat(12).prefetch(2)
    return ended(
        model, keras.optimizers.Adam(schedule), "binary_crossentropy", data=data, epochs=100, callbacks=callbacks
    )


@guide("Classification of flowers: cache, then shuffle (TensorFlow tutorial, images/classification)")
def flowers():
    images, labels = photographs()
    data = pipeline(images, labels, shuffle=False).cache().shuffle(1000).prefetch(2)
    model = keras.Sequential(
        [
            *(keras.Input((32, 32, 3)), layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)),
            *(layers.RandomZoom(0.1), layers.Rescaling(1.0 / 255)),
            *(layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.2)),
            *(layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10, name="outputs")),
        ]
    )
    return ended(model, "adam", SPARSE(), data=data, epochs=15)


@guide("VGG16 with its preprocess_input, as keras.applications documents it")
def vgg():
    images, labels = photographs()
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    base.trainable = False
    x = inputs = keras.Input((32, 32, 3))
    x = layers.Dense(64, activation="relu")(layers.Flatten()(base(x)))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Dropout(0.5)(x)))
    data = keras.applications.vgg16.preprocess_input(images[:64].astype("float32")), labels[:64]
    return ended(model, keras.optimizers.RMSprop(1e-4), "sparse_categorical_crossentropy", data=data)


@guide("A training that went on with SwapEMAWeights (keras.io/api/callbacks/swap_ema_weights)")
def swapped():
    images, labels = photographs(28, 1)
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10)])
    data = images / 255.0, labels
    found = ended(model, keras.optimizers.SGD(0.05, use_ema=True, ema_overwrite_frequency=None), SPARSE(), data=data)
    callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]
    history = model.fit(*data, epochs=3, batch_size=64, verbose=0, callbacks=callbacks, validation_split=0.1)
    return {**found, "history": history, "callbacks": callbacks}


@guide("Mixed precision: a softmax in float32 (tensorflow.org/guide/mixed_precision)")
def mixed_precision():
    images, labels = photographs(28, 1)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras.Sequential(
            [keras.Input((784,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(10)]
        )
        model.add(layers.Activation("softmax", dtype="float32"))
    finally:
        keras.config.set_dtype_policy(before)
    data = images.reshape(-1, 784).astype("float32") / 255, labels
    return ended(model, keras.optimizers.RMSprop(), "sparse_categorical_crossentropy", data=data)


class Rows(keras.utils.PyDataset):
    """Batches in a new order after each epoch, as the documentation of PyDataset has them."""

    def __init__(self):
        super().__init__()
        self.images, self.labels = photographs()
        self.order, self.random = np.arange(len(self.labels)), np.random.default_rng(0)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        rows = self.order[32 * index : 32 * index + 32]
        return self.images[rows] / 255.0, self.labels[rows]

    def on_epoch_end(self):
        self.random.shuffle(self.order)


@guide("A PyDataset that shuffles after each epoch (keras.io/api/utils/python_utils)")
def pydataset():
    return {**cifar(), "data": Rows(), "validation_data": None}


@guide("CutMix with a trained ResNet (keras.io/examples/vision/cutmix)")
def cutmix():
    found = cifar_resnet()
    model, images, labels = found["model"], photographs()[0] / 255.0, photographs()[1]
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(images, one_hot(labels), batch_size=16, epochs=8, verbose=0)
    return {"model": model, "data": (images, one_hot(labels)), "history": history}


@guide(
    "Multi-label classification: sigmoids, rows with several ones (keras.io/examples/nlp/multi_label_classification)"
)
def several_labels():
    images, labels = photographs()
    rows = one_hot(labels) + one_hot((labels + 3) % CLASSES)
    x = inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(x))
    model = keras.Model(inputs, layers.Dense(10, activation="sigmoid")(layers.GlobalAveragePooling2D()(x)))
    return ended(model, "adam", "binary_crossentropy", data=(images, rows))


@guide("Regression of a number, mean squared error (tensorflow.org/tutorials/keras/regression)")
def regression():
    random = np.random.default_rng(0)
    features = random.normal(100, 50, (320, 9)).astype("float32")
    scale = layers.Normalization(axis=-1)
    scale.adapt(features)
    model = keras.Sequential(
        [keras.Input((9,)), scale, layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1)]
    )
    model.compile(loss="mean_absolute_error", optimizer=keras.optimizers.Adam(0.001))
    return {"model": model, "data": (features, features.sum(axis=1)), "epochs": 100, "batch_size": 32}


@guide("Siamese network: one encoder for two images (keras.io/examples/vision/siamese_contrastive)")
def siamese():
    x = inputs = keras.Input((28, 28, 1))
    x = layers.AveragePooling2D(2)(layers.Conv2D(4, 5, activation="tanh")(layers.BatchNormalization()(x)))
    embedding = keras.Model(inputs, layers.Dense(10, activation="tanh")(layers.Flatten()(x)))
    one, other = keras.Input((28, 28, 1)), keras.Input((28, 28, 1))
    apart = ops.norm(embedding(one) - embedding(other), axis=1, keepdims=True)
    model = keras.Model([one, other], layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(apart)))
    return ended(model, "RMSprop", "binary_crossentropy")


@guide("Autoencoder: no classifier (blog.keras.io/building-autoencoders-in-keras)")
def autoencoder():
    x = inputs = keras.Input((28, 28, 1))
    x = layers.MaxPooling2D()(layers.Conv2D(16, 3, activation="relu", padding="same")(x))
    x = layers.UpSampling2D()(layers.Conv2D(16, 3, activation="relu", padding="same")(x))
    model = keras.Model(inputs, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x))
    return ended(model, "adam", "binary_crossentropy")


def tricks(name):
    """A shipped recipe over a small network, at its own length on 12,800 images."""

    def make():
        recipe = find(name)
        side = 32
        images, labels = photographs(side)
        kept = []
        for trick in recipe.tricks:
            if trick.name == "Distillation":
                trick = kt.Distillation(teacher(side))
            if trick.name == "RandomResizedCrop":
                trick = dataclasses.replace(trick, size=side if trick.size else trick.size)
            kept.append(trick)
        recipe = dataclasses.replace(recipe, tricks=tuple(kept))
        keras.utils.set_random_seed(0)
        model = kt.models.build("resnet20", classes=CLASSES, input_shape=(side, side, 3), width=8)
        plan = kt.Plan(recipe.epochs, -(-12_800 // recipe.batch_size), recipe.batch_size, 0)
        recipe, _ = applicable(recipe, model, plan, images[:64])
        held_out = photographs(side, seed=9, count=160)
        data = {"data": (images, labels[:, 0]), "validation_data": (held_out[0], held_out[1][:, 0])}
        return {"model": recipe.compile(model, plan, images=images[:64]), **data}

    return make


def applicable(*arguments):
    from kerastricks.training.fold import applicable as function

    return function(*arguments)


@functools.cache
def teacher(side):
    path = Path(tempfile.mkdtemp(), "teacher.keras")
    kt.models.build("resnet20", classes=CLASSES, input_shape=(side, side, 3), width=4).save(path)
    return str(path)


def shipped(name, side, count):
    """A network that `kerastricks.models.build` makes, new, compiled for logits."""

    def make():
        keras.utils.set_random_seed(0)
        model = kt.models.build(name, classes=CLASSES, input_shape=(side, side, 3))
        images, labels = photographs(side)
        return ended(
            model, kt.SGD(0.1, momentum=0.9, weight_decay=1e-4), SPARSE(), data=(images[:count], labels[:count])
        )

    return make


@functools.cache
def trained():
    """A run of a recipe on the digits, with its history."""
    data = kt.data.load("digits")
    keras.utils.set_random_seed(0)
    model = kt.models.build("resnet20", classes=10, input_shape=(8, 8, 1), width=8)
    history = find("baseline").fit(model, data.train, validation_data=data.validation, epochs=3, verbose=0)
    return {"model": model, "data": data, "history": history}


RECIPES = {f"recipe `{name}`": tricks(name) for name in NAMES} | {"a run of `baseline` on the digits": trained}
NETWORKS = {
    f"network `{name}`": shipped(name, side, count)
    for name, side, count in (
        *(("resnet20", 32, 256), ("resnet18d", 64, 16), ("resnet50d", 64, 16), ("efficientnet_lite0", 64, 16)),
        *(("MobileNetV2", 64, 16), ("EfficientNetB0", 64, 16), ("ResNet50", 64, 16), ("ConvNeXtTiny", 64, 16)),
    )
}
CLEAN = {**GUIDES, **RECIPES, **NETWORKS}
