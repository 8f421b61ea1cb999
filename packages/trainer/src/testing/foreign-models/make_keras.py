"""Makes small language models with Keras itself, in a folder named by its version, and their losses by Keras.

    KERAS_BACKEND=numpy python3 packages/trainer/src/testing/foreign-models/make_keras.py \
        packages/trainer/src/testing/foreign-models/files

Needs Keras 3 and its backend's dependencies, for NumPy's backend JAX: pip install keras jax. The committed files are by 3.15.1.
"""

import json
import os
import sys

import keras
import numpy as np
from keras import layers
from sample_text import EMBED, HIDDEN, INPUTS, TARGETS, VOCAB, mean_loss


def lstm():
    """Two layers, one of them named."""
    scores = layers.Dense(VOCAB, activation="softmax", name="scores")
    recurrent = [layers.LSTM(HIDDEN, return_sequences=True, name="first"), layers.LSTM(HIDDEN, return_sequences=True)]
    return keras.Sequential([words(), layers.Embedding(VOCAB, EMBED), recurrent[0], layers.Dropout(0.2), recurrent[1], scores])


def gru():
    """A functional model."""
    ids = words()
    features = layers.Embedding(VOCAB, EMBED)(ids)
    for _ in range(2):
        features = layers.GRU(HIDDEN, return_sequences=True)(features)
    return keras.Model(ids, layers.Dense(VOCAB, activation="softmax")(features))


def rnn():
    recurrent = layers.SimpleRNN(HIDDEN, return_sequences=True)
    return keras.Sequential([words(), layers.Embedding(VOCAB, EMBED), recurrent, layers.Dense(VOCAB, activation="softmax")])


def each_step():
    scores = layers.TimeDistributed(layers.Dense(VOCAB, activation="softmax"))
    return keras.Sequential([words(), layers.Embedding(VOCAB, EMBED), layers.LSTM(HIDDEN, return_sequences=True), scores])


def words():
    return keras.Input((None,), dtype="int32")


MODELS = {lstm: ["lstm.h5", "lstm.keras"], gru: ["gru.h5", "gru.keras"], rnn: ["rnn.h5"], each_step: ["each-step.keras"]}


def make_all(parent):
    rng = np.random.default_rng(1)
    folder = os.path.join(parent, f"keras-{keras.__version__}")
    os.makedirs(folder, exist_ok=True)
    losses = {}
    for build, names in MODELS.items():
        model = build()
        model.set_weights([rng.uniform(-0.7, 0.7, each.shape).astype("float32") for each in model.get_weights()])
        probabilities = np.asarray(model(np.array([INPUTS])))[0]
        for name in names:
            model.save(os.path.join(folder, name))
            losses[name] = mean_loss(np.log(probabilities), TARGETS)
    with open(os.path.join(folder, "losses.json"), "w") as file:
        json.dump(losses, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    make_all(sys.argv[1])
