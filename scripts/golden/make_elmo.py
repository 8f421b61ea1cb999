"""Makes the golden vectors packages/core/src/testing/golden/elmo.jsonl by running PyTorch: ELMo (Peters et al. 2018) built from
PyTorch's modules, nn.Conv1d over characters and nn.LSTM with proj_size over packed sentences. The vectors are features, the
language model's loss, and the gradients of both.

    python3 scripts/golden/make_elmo.py [FOLDER]

Python's own generator draws all inputs from a fixed seed, so that they are the same on every machine. The file has a line
with the versions that made it, then a line for each case.
"""

import json
import platform
import random
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy, relu
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

VOCAB, CHARACTERS, CHARACTER_DIM, HIDDEN, PROJECTION = 7, 6, 3, 5, 4
# (convolutions as (width, features), highway layers, characters of a word, the sentences' lengths)
CASES = [
    ([(1, 2), (2, 3), (3, 2)], 2, 5, [4, 2, 3]),
    ([(2, 4)], 1, 3, [3, 3]),
    ([(3, 3), (4, 2)], 0, 4, [5]),
]


class Elmo(nn.Module):
    def __init__(self, convolutions, highways):
        super().__init__()
        wide = sum(features for _, features in convolutions)
        self.characters = nn.Embedding(CHARACTERS, CHARACTER_DIM)
        self.convolutions = nn.ModuleList(nn.Conv1d(CHARACTER_DIM, features, width) for width, features in convolutions)
        self.highways = nn.ModuleList(nn.Linear(wide, 2 * wide) for _ in range(highways))
        self.projection = nn.Linear(wide, PROJECTION)
        self.forward_layers = self.two_lstms()
        self.backward_layers = self.two_lstms()
        self.output = nn.Linear(PROJECTION, VOCAB)
        self.mix_weights = nn.Parameter(torch.zeros(3))
        self.mix_gamma = nn.Parameter(torch.zeros(()))

    @staticmethod
    def two_lstms():
        return nn.ModuleList(nn.LSTM(PROJECTION, HIDDEN, proj_size=PROJECTION, batch_first=True) for _ in range(2))

    def word_vectors(self, ids):
        batch, time, length = ids.shape
        letters = self.characters(ids.reshape(batch * time, length)).transpose(1, 2)
        x = torch.cat([relu(convolution(letters).max(dim=2).values) for convolution in self.convolutions], dim=1)
        for highway in self.highways:
            transform, gate = highway(x).chunk(2, dim=1)
            gate = torch.sigmoid(gate)
            x = gate * relu(transform) + (1 - gate) * x
        return self.projection(x).reshape(batch, time, PROJECTION)

    def run(self, lstms, x, lengths):
        """The outputs of both layers; the second adds its input to its output."""
        layers = []
        for index, lstm in enumerate(lstms):
            packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
            outputs, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])
            x = outputs if index == 0 else outputs + x
            layers.append(x)
        return layers

    def layers(self, ids, lengths):
        """The three layers as (forward, backward), each [batch, time, PROJECTION]."""
        vectors = self.word_vectors(ids)
        forward = self.run(self.forward_layers, vectors, lengths)
        backward = self.run(self.backward_layers, turned(vectors, lengths), lengths)
        return [(vectors, vectors), *zip(forward, [turned(outputs, lengths) for outputs in backward])]

    def features(self, layers, lengths):
        shares = self.mix_weights.softmax(0)
        mixed = sum(share * torch.cat(layer, dim=2) for share, layer in zip(shares, layers))
        inside = torch.arange(mixed.shape[1]) < torch.tensor(lengths)[:, None]
        return self.mix_gamma * mixed * inside[:, :, None]

    def loss(self, layers, words, lengths):
        """The mean cross-entropy of every word but a sentence's first, from the left, and but its last, from the right."""
        forward, backward = layers[-1]
        features, targets = [], []
        for lane, length in enumerate(lengths):
            features += [forward[lane, : length - 1], backward[lane, 1:length]]
            targets += [words[lane, 1:length], words[lane, : length - 1]]
        return cross_entropy(self.output(torch.cat(features)), torch.cat(targets))


def turned(x, lengths):
    """Each sentence from its last word to its first, in place of its own padding."""
    return torch.stack([torch.cat([row[:length].flip(0), row[length:]]) for row, length in zip(x, lengths)])


def drawn(generator, *shape):
    count = torch.Size(shape).numel()
    return torch.tensor([round(generator.uniform(-0.9, 0.9), 2) for _ in range(count)]).reshape(shape)


def ids(generator, limit, *shape):
    return torch.tensor([generator.randrange(limit) for _ in range(torch.Size(shape).numel())]).reshape(shape)


def values(tensor):
    """A tensor as JSON, to seven digits: two orders of magnitude beyond what the tests ask for."""
    return {"shape": list(tensor.shape), "values": [float(f"{value:.7g}") for value in tensor.flatten().tolist()]}


def case(convolutions, highways, length, lengths):
    generator = random.Random(f"elmo {convolutions} {highways}")
    batch, time = len(lengths), max(lengths)
    model = Elmo(convolutions, highways)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(drawn(generator, *parameter.shape))
    characters = ids(generator, CHARACTERS, batch, time, length)
    characters[0, 0] = 1  # a word that repeats one letter, so that its windows are equal
    words = ids(generator, VOCAB, batch, time)
    weights = drawn(generator, batch, time, 2 * PROJECTION)

    layers = model.layers(characters, lengths)
    features, loss = model.features(layers, lengths), model.loss(layers, words, lengths)
    ((features * weights).sum() + loss).backward()
    return {
        "convolutions": [{"width": width, "features": features} for width, features in convolutions],
        "highwayLayers": highways,
        "lengths": lengths,
        "characters": values(characters),
        "words": values(words),
        "weights": values(weights),
        "parameters": {name: values(parameter) for name, parameter in model.named_parameters()},
        "features": values(features),
        "loss": loss.item(),
        "gradients": {name: values(parameter.grad) for name, parameter in model.named_parameters()},
    }


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    torch.set_num_threads(1)
    made_by = {"script": "scripts/golden/make_elmo.py", "torch": torch.__version__, "python": platform.python_version()}
    widths = {"characterDim": CHARACTER_DIM, "hiddenDim": HIDDEN, "projectionDim": PROJECTION}
    sizes = {"vocabSize": VOCAB, "characters": CHARACTERS, **widths}
    lines = [{"madeBy": made_by, **sizes}, *[case(*each) for each in CASES]]
    (folder / "elmo.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


if __name__ == "__main__":
    main()
