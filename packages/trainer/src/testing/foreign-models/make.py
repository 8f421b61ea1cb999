"""Makes small language models in the formats of PyTorch and Keras 2, and their losses on a text, for the tests of `unroll import`.

    python3 packages/trainer/src/testing/foreign-models/make.py packages/trainer/src/testing/foreign-models/files [pytorch] [keras-2]

Needs PyTorch, which also computes the losses of its models, and h5py for the Keras 2 file. Keras 2 itself is not needed: the file is
written in its layout, and its layers are computed by their textbook equations in float64. The files of make_keras.py are written by
Keras 3 itself.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import struct
import sys

import numpy as np
import torch
from sample_text import EMBED, HIDDEN, INPUTS, TARGETS, TEXT, VOCAB, WORDS, mean_loss
from torch import nn

# PyTorch


class LanguageModel(nn.Module):
    """The model of PyTorch's example word_language_model, with the modules' names given."""

    def __init__(self, cell, layers=1, embed=EMBED, names=("encoder", "rnn", "decoder"), tied=False, bias=True, projection=0):
        super().__init__()
        self.names = names
        hidden = embed if tied else HIDDEN
        setattr(self, names[0], nn.Embedding(VOCAB, embed))
        options = {"proj_size": projection} if projection else {}
        setattr(self, names[1], getattr(nn, cell)(embed, hidden, layers, bias=bias, **options))
        setattr(self, names[2], nn.Linear(projection or hidden, VOCAB))
        if tied:
            getattr(self, names[2]).weight = getattr(self, names[0]).weight

    def forward(self, ids):
        encoder, rnn, decoder = (getattr(self, name) for name in self.names)
        outputs, _ = rnn(encoder(ids[:, None]))
        return decoder(outputs[:, 0])


def torch_loss(model):
    with torch.no_grad():
        logits = model.double()(torch.tensor(INPUTS)).numpy()
    model.float()
    return mean_loss(logits, TARGETS)


class Attack:
    """An object whose pickle runs a command when Python loads it."""

    def __reduce__(self):
        return os.system, ("touch executed-by-pickle",)


def awd_names(state):
    """Renames a layer's tensors as AWD-LSTM's WeightDrop does: the raw weights, and a copy after dropout."""
    renamed = {}
    for name, tensor in state.items():
        name = name.replace("rnn.", "rnns.0.module.")
        if name.endswith("weight_hh_l0"):
            renamed[f"{name}_raw"] = tensor
            tensor = tensor * 0.5
        renamed[name] = tensor
    return renamed


def write_safetensors(path, tensors, aliases={}):
    header, body = {}, b""
    for name, tensor in tensors.items():
        # bfloat16 is the upper half of a float32; NumPy does not support it.
        data = (tensor.float().numpy().view(np.uint32) >> 16).astype(np.uint16).tobytes()
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps({"__metadata__": {"format": "pt", **aliases}, **header}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def make_torch(save, path):
    losses = {}

    def keep(name, model, state=None):
        losses[name] = torch_loss(model)
        save(name, model.state_dict() if state is None else state)

    keep("rnn.pt", LanguageModel("RNN"))
    keep("lstm.pt", LanguageModel("LSTM", layers=2, names=("embedding", "rnn", "fc")))
    keep("gru.pt", LanguageModel("GRU", layers=2))
    keep("tied.pt", LanguageModel("LSTM", tied=True))
    keep("projected.pt", LanguageModel("LSTM", layers=2, projection=3))
    keep("without-biases.pt", LanguageModel("GRU", bias=False))
    keep("named.pt", LanguageModel("GRU", names=("tokens", "body", "scores")))
    awd = LanguageModel("LSTM")
    keep("awd.pt", awd, awd_names(awd.state_dict()))
    half = LanguageModel("LSTM").half().float()
    keep("half.pt", half, {name: tensor.half() for name, tensor in half.state_dict().items()})
    keep("double.pt", half, {name: tensor.double() for name, tensor in half.state_dict().items()})
    brief = LanguageModel("GRU").bfloat16().float()
    keep("bfloat16.pt", brief, {name: tensor.bfloat16() for name, tensor in brief.state_dict().items()})
    losses["bfloat16.safetensors"] = losses["bfloat16.pt"]
    write_safetensors(path("bfloat16.safetensors"), brief.bfloat16().state_dict())
    strided = LanguageModel("LSTM")
    keep("strided.pt", strided, {k: v.t().contiguous().t() for k, v in strided.state_dict().items()})
    trained = LanguageModel("LSTM")
    optimizer = torch.optim.Adam(trained.parameters())
    trained(torch.tensor(INPUTS)).sum().backward()
    optimizer.step()
    kept = {"epoch": 3, "model": trained.state_dict(), "optimizer": optimizer.state_dict(), "best": 1.5, "tag": None}
    keep("training.pt", trained, kept)

    # Files that must be refused.
    state = LanguageModel("LSTM").state_dict()
    torch.save(state, path("legacy.pt"), _use_new_zipfile_serialization=False)
    save("attack.pt", {"encoder.weight": state["encoder.weight"], "decoder.weight": Attack()})
    save("whole-model.pt", LanguageModel("LSTM"))
    save("bidirectional.pt", {**state, **nn.LSTM(EMBED, HIDDEN, bidirectional=True, bias=False).state_dict(prefix="rnn.")})
    save("widths.pt", {**state, "rnn.weight_ih_l1": torch.zeros(28, 5), "rnn.weight_hh_l1": torch.zeros(28, 7)})
    save("norm.pt", {**state, "norm.weight": torch.ones(5)})
    normalized = LanguageModel("LSTM")
    torch.nn.utils.weight_norm(normalized.decoder)
    save("weight-norm.pt", normalized.state_dict())
    quantized = torch.ao.quantization.quantize_dynamic(LanguageModel("LSTM"), {nn.LSTM, nn.Linear})
    save("quantized.pt", quantized.state_dict())

    # Objects that training scripts save beside the tensors of a model.
    model = LanguageModel("LSTM")
    buffers = {"n_averaged": torch.tensor(5), "position_ids": torch.arange(4), "mask": torch.ones(3, dtype=torch.bool)}
    everything = {
        "net": {"state_dict": {**model.state_dict(), **buffers}},
        "args": argparse.Namespace(lr=0.1, path=pathlib.Path("/data")),
        "best": np.float64(1.5),
        "losses": np.zeros(3),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "size": torch.Size([1, 2]),
        "counts": collections.Counter("aab"),
        "groups": collections.defaultdict(list, {"a": [1]}),
        "started": datetime.datetime(2020, 1, 1),
        "names": {"a"},
        "rng": torch.get_rng_state(),
        "optimizer": torch.optim.Adam(model.parameters()).state_dict(),
    }
    keep("beside.pt", model, everything)
    # safetensors' save_model stores one of two tied tensors, and the other's name in the metadata.
    tied = LanguageModel("LSTM", tied=True).bfloat16().float()
    losses["tied.safetensors"] = torch_loss(tied)
    once = {name: tensor for name, tensor in tied.bfloat16().state_dict().items() if name != "encoder.weight"}
    write_safetensors(path("tied.safetensors"), once, {"encoder.weight": "decoder.weight"})
    return losses


# Keras


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent, bias):
    h, c, outputs = np.zeros(HIDDEN), np.zeros(HIDDEN), []
    for step in x:
        i, f, g, o = np.split(step @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def keras_weights(rng):
    """Returns the weights of an embedding, two recurrent layers and a dense layer."""
    draw = lambda *shape: rng.uniform(-0.7, 0.7, shape).astype(np.float32)
    recurrent = [[draw(width, 4 * HIDDEN), draw(HIDDEN, 4 * HIDDEN), draw(4 * HIDDEN)] for width in (EMBED, HIDDEN)]
    return [[draw(VOCAB, EMBED)], *recurrent, [draw(HIDDEN, VOCAB), draw(VOCAB)]]


def keras_loss(weights):
    [embedding], *recurrent, [kernel, bias] = [[w.astype(np.float64) for w in layer] for layer in weights]
    x = embedding[INPUTS]
    for layer in recurrent:
        x = lstm(x, *layer)
    return mean_loss(x @ kernel + bias, TARGETS)


def layer(class_name, name, **config):
    return {"class_name": class_name, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}


def lstm_layers():
    options = dict(units=HIDDEN, activation="tanh", recurrent_activation="sigmoid", use_bias=True, return_sequences=True)
    options.update(go_backwards=False, dropout=0.2, recurrent_dropout=0.0, unit_forget_bias=True)
    dense = layer("Dense", "dense", units=VOCAB, activation="softmax", use_bias=True)
    return [
        layer("InputLayer", "embedding_input", batch_input_shape=[None, None]),
        layer("Embedding", "embedding", input_dim=VOCAB, output_dim=EMBED, mask_zero=False),
        layer("LSTM", "lstm", **options),
        layer("Dropout", "dropout", rate=0.5),
        layer("LSTM", "top", **options),
        layer("TimeDistributed", "scores", layer=dense),
    ]


def link_elsewhere(path, name):
    import h5py

    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = h5py.ExternalLink("weights.h5", "/" + name)


def store_elsewhere(path, name):
    import h5py

    with h5py.File(path, "a") as file:
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, "f4", external=[("weights.bin", 0, h5py.h5f.UNLIMITED)])


def make_h5(path, weights):
    """Writes a Sequential model in the format of Keras 2."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.11.0"
        description = {"class_name": "Sequential", "config": {"name": "sequential", "layers": lstm_layers()}}
        file.attrs["model_config"] = json.dumps(description).encode()
        group = file.create_group("model_weights")
        names = ["embedding_input", "embedding", "lstm", "dropout", "top", "scores"]
        group.attrs["layer_names"] = [name.encode() for name in names]
        held = dict(zip(["embedding", "lstm", "top", "scores"], weights))
        kinds = {1: ["embeddings"], 2: ["kernel", "bias"], 3: ["kernel", "recurrent_kernel", "bias"]}
        for name in names:
            arrays = held.get(name, [])
            inner = f"{name}/lstm_cell" if len(arrays) == 3 else name
            paths = [f"{inner}/{kind}:0" for kind in kinds.get(len(arrays), [])]
            layer_group = group.create_group(name)
            layer_group.attrs["weight_names"] = [each.encode() for each in paths]
            for each, array in zip(paths, arrays):
                layer_group.create_dataset(each, data=array)


def make_keras_2(path):
    weights = keras_weights(np.random.default_rng(11))
    make_h5(path("lstm.h5"), weights)
    make_h5(path("external-link.h5"), weights)
    link_elsewhere(path("external-link.h5"), "model_weights/lstm/lstm/lstm_cell/kernel:0")
    make_h5(path("external-values.h5"), weights)
    store_elsewhere(path("external-values.h5"), "model_weights/lstm/lstm/lstm_cell/kernel:0")
    return {"lstm.h5": keras_loss(weights)}


def make_all(folder, frameworks):
    torch.manual_seed(11)
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    losses = {}
    if "pytorch" in frameworks:
        losses.update(make_torch(lambda name, value: torch.save(value, path(name)), path))
    if "keras-2" in frameworks:
        losses.update(make_keras_2(path))
    for name, contents in {"words.txt": "\n".join(WORDS) + "\n", "text.txt": TEXT}.items():
        with open(path(name), "w") as file:
            file.write(contents)
    with open(path("losses.json"), "w") as file:
        json.dump(losses, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    make_all(sys.argv[1], sys.argv[2:] or ["pytorch", "keras-2"])
