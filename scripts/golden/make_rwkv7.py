"""RWKV-7 (Peng et al. 2025, arXiv:2503.14456) in float64 with numpy, one token at a time, written from the paper. It makes the golden
values packages/core/src/testing/golden/rwkv7.jsonl of a small model, and a model of the real sizes to compare with.

    python3 scripts/golden/make_rwkv7.py [FOLDER]             # rwkv7.jsonl; needs numpy
    python3 scripts/golden/make_rwkv7.py --real FOLDER        # the shapes of the 0.1B model; needs numpy and torch

The file has a line with the versions that made it, then one with the model: its tensors, whose values follow from their places by
`drawn`, the tokens, and the results: the logits, the states, the mean loss, and its derivative along a direction in each tensor.
With --real, FOLDER gets model.pth (bfloat16, published names), vocab.txt (the World format), and expected.json with expected.bin (float64).
"""

import json
import math
import platform
import sys
from pathlib import Path

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def norm(x, weight, bias, epsilon=1e-5):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * weight + bias


class Model:
    """Weights by their published names; a batch is the first axis of every value."""

    def __init__(self, weights, head):
        self.w = weights
        self.head = head
        self.layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
        self.width = weights["emb.weight"].shape[1]

    def state(self, batch):
        heads = self.width // self.head
        zeros = lambda *shape: np.zeros((batch, *shape))
        return [
            {"att": zeros(self.width), "S": zeros(heads, self.head, self.head), "ffn": zeros(self.width)}
            for _ in range(self.layers)
        ]

    def time_mixing(self, layer, x, state, first_value):
        w = lambda name: self.w[f"blocks.{layer}.att.{name}"]
        per_head = lambda rows: rows.reshape(len(rows), -1, self.head)
        previous, state["att"] = state["att"], x
        shift = lambda name: x + (previous - x) * w(f"x_{name}").reshape(-1)
        receptance = shift("r") @ w("receptance.weight").T
        key = shift("k") @ w("key.weight").T
        value = shift("v") @ w("value.weight").T
        decay = np.exp(-math.exp(-0.5) * sigmoid(w("w0").reshape(-1) + np.tanh(shift("w") @ w("w1")) @ w("w2")))
        rate = sigmoid(w("a0").reshape(-1) + shift("a") @ w("a1") @ w("a2"))
        gate = sigmoid(shift("g") @ w("g1")) @ w("g2")
        if layer == 0:
            first_value = value
        else:
            value = value + (first_value - value) * sigmoid(w("v0").reshape(-1) + shift("v") @ w("v1") @ w("v2"))
        removal = per_head(key * w("k_k").reshape(-1))
        removal = removal / np.maximum(np.linalg.norm(removal, axis=-1, keepdims=True), 1e-12)
        key = per_head(key * (1 + (rate - 1) * w("k_a").reshape(-1)))
        receptance, decay, rate, values = (per_head(rows) for rows in (receptance, decay, rate, value))
        matrix = state["S"]  # [batch, heads, value, key]
        removed = np.einsum("bhij,bhj->bhi", matrix, -removal)
        matrix = (
            matrix * decay[:, :, None, :]
            + removed[..., None] * (removal * rate)[:, :, None, :]
            + values[..., None] * key[:, :, None, :]
        )
        state["S"] = matrix
        read = np.einsum("bhij,bhj->bhi", matrix, receptance)
        heads = read.shape[1]
        read = norm(read, w("ln_x.weight").reshape(heads, -1), w("ln_x.bias").reshape(heads, -1), 64e-5)
        bonus = (receptance * key * w("r_k").reshape(heads, -1)).sum(-1, keepdims=True)
        return ((read + bonus * values).reshape(len(x), -1) * gate) @ w("output.weight").T, first_value

    def channel_mixing(self, layer, x, state):
        w = lambda name: self.w[f"blocks.{layer}.ffn.{name}"]
        mixed = x + (state["ffn"] - x) * w("x_k").reshape(-1)
        state["ffn"] = x
        return np.maximum(mixed @ w("key.weight").T, 0) ** 2 @ w("value.weight").T

    def step(self, ids, states):
        """Reads a token of each sequence and returns the scores of the next ones, [batch, vocabulary]."""
        layer_norm = lambda x, name: norm(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])
        x = layer_norm(self.w["emb.weight"][ids], "blocks.0.ln0")
        first_value = None
        for layer, state in enumerate(states):
            mixed, first_value = self.time_mixing(layer, layer_norm(x, f"blocks.{layer}.ln1"), state, first_value)
            x = x + mixed
            x = x + self.channel_mixing(layer, layer_norm(x, f"blocks.{layer}.ln2"), state)
        return layer_norm(x, "ln_out") @ self.w["head.weight"].T

    def read(self, ids):
        """Returns the logits [time, batch, vocabulary] after ids [time, batch], and the states."""
        states = self.state(ids.shape[1])
        return np.stack([self.step(tokens, states) for tokens in ids]), states


def mean_loss(logits, targets):
    shifted = logits - logits.max(-1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(-1))
    return (log_sums - np.take_along_axis(shifted, targets[..., None], -1)[..., 0]).mean()


def tensors_of(vocab, layers, width, head, ranks, feed_forward):
    """Each tensor's name, shape, scale and offset, in the order of a published file."""
    result = []
    add = lambda name, shape, scale, offset=0.0: result.append({"name": name, "shape": list(shape), "scale": scale, "offset": offset})

    def layer_norm(name):
        add(f"{name}.weight", [width], 0.3, 1.0)
        add(f"{name}.bias", [width], 0.2)

    def linear(name, shape, scale=1.5):
        add(name, shape, scale / math.sqrt(shape[-1]))

    add("emb.weight", [vocab, width], 1.0)
    for layer in range(layers):
        block = f"blocks.{layer}"
        for name in (["ln0"] if layer == 0 else []) + ["ln1", "ln2"]:
            layer_norm(f"{block}.{name}")
        att = f"{block}.att"
        for name in "rwkvag":
            add(f"{att}.x_{name}", [1, 1, width], 0.5, 0.5)
        for name in "wa" + ("v" if layer > 0 else "") + "g":
            if name != "g":
                add(f"{att}.{name}0", [1, 1, width], 1.5)
            linear(f"{att}.{name}1", [width, ranks[name]], math.sqrt(ranks[name] / width) * 2)
            linear(f"{att}.{name}2", [ranks[name], width], math.sqrt(width / ranks[name]) * 2)
        add(f"{att}.k_k", [1, 1, width], 0.3, 0.8)
        add(f"{att}.k_a", [1, 1, width], 0.3, 1.0)
        add(f"{att}.r_k", [width // head, head], 0.2)
        for name in ("receptance", "key", "value", "output"):
            linear(f"{att}.{name}.weight", [width, width])
        layer_norm(f"{att}.ln_x")
        add(f"{block}.ffn.x_k", [1, 1, width], 0.5, 0.5)
        linear(f"{block}.ffn.key.weight", [feed_forward, width])
        linear(f"{block}.ffn.value.weight", [width, feed_forward])
    layer_norm("ln_out")
    linear("head.weight", [vocab, width])
    return result


def drawn(place, tensor):
    """The values of a tensor, rounded to float32."""
    count = math.prod(tensor["shape"])
    values = tensor["offset"] + tensor["scale"] * np.sin(12.9898 * np.arange(1, count + 1) + place)
    return values.astype(np.float32).astype(np.float64).reshape(tensor["shape"])


def direction(place, shape):
    return np.sin(78.233 * np.arange(1, math.prod(shape) + 1) + place).reshape(shape)


def rounded(values):
    return [float(f"{value:.9g}") for value in np.asarray(values).flatten()]


def golden():
    sizes = {"vocab": 11, "layers": 3, "width": 16, "head": 8, "ranks": {"w": 5, "a": 4, "v": 3, "g": 6}, "feed_forward": 24}
    tensors = tensors_of(**sizes)
    weights = {tensor["name"]: drawn(place, tensor) for place, tensor in enumerate(tensors)}
    generator = np.random.default_rng(7)
    tokens = generator.integers(0, sizes["vocab"], (20, 2))
    ids, targets = tokens[:-1], tokens[1:]
    loss = lambda changed: mean_loss(Model({**weights, **changed}, sizes["head"]).read(ids)[0], targets)
    logits, states = Model(weights, sizes["head"]).read(ids)
    step = 1e-5
    slopes = []
    for place, tensor in enumerate(tensors):
        name, along = tensor["name"], direction(place, tensor["shape"])
        ends = [loss({name: weights[name] + sign * step * along}) for sign in (1, -1)]
        slopes.append((ends[0] - ends[1]) / (2 * step))
    return {
        "sizes": sizes,
        "tensors": tensors,
        "tokens": tokens.tolist(),
        "logits": rounded(logits),
        "states": [{name: rounded(value) for name, value in state.items()} for state in states],
        "loss": float(f"{mean_loss(logits, targets):.9g}"),
        "slopes": rounded(slopes),
    }


def real(folder):
    """A random model of the published 0.1B shapes, and what it computes for 200 tokens."""
    import torch

    ranks = {"w": 64, "a": 64, "v": 32, "g": 128}
    tensors = tensors_of(65536, 12, 768, 64, ranks, 3072)
    generator = torch.Generator().manual_seed(1)
    stored = {}
    for tensor in tensors:
        uniform = 2 * torch.rand(tensor["shape"], generator=generator) - 1
        stored[tensor["name"]] = (tensor["offset"] + tensor["scale"] * uniform).to(torch.bfloat16)
    # The published files hold these of the first block, too, which nothing reads.
    for name, shape in {"v0": [1, 1, 768], "v1": [768, 32], "v2": [32, 768]}.items():
        stored[f"blocks.0.att.{name}"] = torch.ones(shape, dtype=torch.bfloat16)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(stored, folder / "model.pth")
    with open(folder / "vocab.txt", "w", encoding="utf-8") as file:
        for number in range(1, 65530):
            token = bytes([number - 1]) if number <= 256 else f"{number:05x}".encode()
            literal = repr(token) if number <= 256 else repr(token.decode())
            file.write(f"{number} {literal} {len(token)}\n")
    ids = np.random.default_rng(1).integers(1, 65530, (200, 1))
    model = Model({name: value.double().numpy() for name, value in stored.items()}, 64)
    states = model.state(1)
    for tokens in ids:
        logits = model.step(tokens, states)
    kinds = {f"{kind}.{layer}": state[kind] for layer, state in enumerate(states) for kind in state}
    results = {"ids": ids.flatten().astype(np.float64), "logits": logits, **kinds}
    header, offset, parts = {}, 0, []
    for name, values in results.items():
        data = np.ascontiguousarray(values, dtype=np.float64).tobytes()
        header[name] = {"offset": offset // 8, "length": len(data) // 8}
        offset += len(data)
        parts.append(data)
    (folder / "expected.json").write_text(json.dumps(header))
    (folder / "expected.bin").write_bytes(b"".join(parts))


def main():
    if sys.argv[1:2] == ["--real"]:
        real(Path(sys.argv[2]))
        return
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    folder.mkdir(parents=True, exist_ok=True)
    made_by = {"script": "scripts/golden/make_rwkv7.py", "numpy": np.__version__, "python": platform.python_version()}
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in ({"madeBy": made_by}, golden()))
    (folder / "rwkv7.jsonl").write_text(text)


if __name__ == "__main__":
    main()
