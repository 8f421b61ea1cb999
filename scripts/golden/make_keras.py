"""Makes golden models of Keras 3, each with an input and what Keras computes for it, as TensorFlow.js's converter would write them.

    KERAS_BACKEND=numpy python3 scripts/golden/make_keras.py packages/core/src/testing/golden

Needs Keras 3 and h5py, and for NumPy's backend JAX: pip install keras jax. Keras 3.15.1 made the committed file. Like
the converter, this script takes topology and weights from the .h5 file that Keras writes.
"""

import json
import os
import sys
import tempfile

import h5py
import keras
import numpy as np
from keras import layers


def chain(shape, *stack, dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *stack])


def masked(*stack):
    return chain((6,), layers.Embedding(7, 3, mask_zero=True), *stack, dtype="int32")


def with_states():
    """A decoder that starts from its encoder's states."""
    source, target = keras.Input((4, 3)), keras.Input((4, 3))
    encoded, *states = layers.LSTM(2, return_sequences=True, return_state=True)(source)
    decoded = layers.LSTM(2)(target, initial_state=states)
    return keras.Model([source, target], layers.Concatenate()([decoded, layers.GlobalMaxPooling1D()(encoded)]))


def nested():
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="hard_sigmoid")])
    return keras.Model(x, layers.Dense(2)(inner(x)))


def called_in_training():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dropout(0.5)(x, training=True))


MODELS = {
    "lstm": lambda: chain((4, 3), layers.LSTM(2, return_sequences=True), layers.Dense(2)),
    "lstm, hard sigmoid": lambda: chain((4, 3), layers.LSTM(2, recurrent_activation="hard_sigmoid")),
    "gru, hard sigmoid": lambda: chain((4, 3), layers.GRU(2, recurrent_activation="hard_sigmoid")),
    "gru that resets before": lambda: chain((4, 3), layers.GRU(2, reset_after=False)),
    "masked": lambda: masked(layers.LSTM(2, return_sequences=True)),
    "masked, zeros": lambda: masked(layers.GRU(2, return_sequences=True, zero_output_for_mask=True)),
    "masked, bidirectional": lambda: masked(layers.Bidirectional(layers.LSTM(2, return_sequences=True))),
    "masked, bidirectional sum": lambda: masked(layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode="sum")),
    "leaky": lambda: chain((4,), layers.Dense(3), layers.LeakyReLU(negative_slope=0.01)),
    "hard sigmoid": lambda: chain((4,), layers.Dense(3, activation="hard_sigmoid")),
    "silu": lambda: chain((4,), layers.Dense(3, activation="silu")),
    "normalized": lambda: chain((4,), layers.Dense(3), layers.BatchNormalization(), layers.LayerNormalization()),
    "convolution": lambda: chain((8, 2), layers.Conv1D(3, 3, padding="same"), layers.MaxPooling1D(2), layers.Flatten()),
    "each step": lambda: chain((4, 3), layers.TimeDistributed(layers.Dense(2, activation="relu"))),
    "with states": with_states,
    "nested": nested,
    # Models that must be refused.
    "slope": lambda: chain((4,), layers.Dense(3), layers.ReLU(negative_slope=0.2)),
    "root mean square": lambda: chain((4,), layers.LayerNormalization(rms_scaling=True)),
    "groups": lambda: chain((8, 4), layers.Conv1D(2, 3, groups=2)),
    "leaky activation": lambda: chain((4,), layers.Dense(3, activation="leaky_relu")),
    "called in training": called_in_training,
}


def weights_in(group):
    if "weight_names" in group.attrs:
        return [(name, np.array(group[name])) for name in group.attrs["weight_names"]]
    return [each for key in group for each in weights_in(group[key])]


def converted(model):
    """The topology and the weights as the converter reads them."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.h5")
        model.save(path)
        with h5py.File(path) as file:
            topology = {key: file.attrs[key] for key in ("keras_version", "backend")}
            return {**topology, "model_config": json.loads(file.attrs["model_config"])}, weights_in(file["model_weights"])


def values(array):
    return {"shape": list(array.shape), "values": [float(f"{each:.7g}") for each in array.ravel()]}


def drawn_input(rng, tensor):
    shape = (2, *tensor.shape[1:])
    if tensor.dtype != "int32":
        return np.float32(np.round(rng.normal(size=shape) * 2, 3))
    ids = rng.integers(1, 7, shape)
    ids[0, 4:] = ids[1, :2] = 0
    return ids


def make(name, model, rng):
    for weight in model.weights:
        drawn = np.round(rng.normal(size=weight.shape), 3)
        weight.assign(np.abs(drawn) + 0.1 if "variance" in weight.path else drawn)
    inputs = [drawn_input(rng, each) for each in model.inputs]
    output = np.asarray(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    topology, weights = converted(model)
    tensors = [{"name": path, **values(array)} for path, array in weights]
    ids = model.inputs[0].dtype == "int32"
    return {"name": name, "topology": topology, "weights": tensors, "ids": ids, "inputs": [values(x) for x in inputs], "output": values(output)}


def make_all(folder):
    rng = np.random.default_rng(5)
    with open(os.path.join(folder, "keras-3.jsonl"), "w") as file:
        for name, build in MODELS.items():
            keras.utils.clear_session()
            file.write(json.dumps(make(name, build(), rng), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    make_all(sys.argv[1])
