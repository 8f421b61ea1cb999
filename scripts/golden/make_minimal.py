"""Makes the golden vectors packages/core/src/testing/golden/minimal-units.jsonl by running PyTorch: minGRU and minLSTM (Feng et
al. 2024), written step by step from their equations, with nn.Linear. The vectors are outputs and gradients.

    python3 scripts/golden/make_minimal.py [FOLDER]

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

BATCH, INPUT, HIDDEN = 2, 3, 4


class MinGru(nn.Module):
    gates = ("z", "n")

    def __init__(self):
        super().__init__()
        self.z = nn.Linear(INPUT, HIDDEN)
        self.n = nn.Linear(INPUT, HIDDEN)

    def forward(self, x, h):
        z = torch.sigmoid(self.z(x))
        return (1 - z) * h + z * self.n(x)


class MinLstm(nn.Module):
    gates = ("i", "f", "n")

    def __init__(self):
        super().__init__()
        self.i = nn.Linear(INPUT, HIDDEN)
        self.f = nn.Linear(INPUT, HIDDEN)
        self.n = nn.Linear(INPUT, HIDDEN)

    def forward(self, x, h):
        i, f = torch.sigmoid(self.i(x)), torch.sigmoid(self.f(x))
        return f / (f + i) * h + i / (f + i) * self.n(x)


def drawn(generator, *shape):
    count = torch.Size(shape).numel()
    return torch.tensor([round(generator.uniform(-1, 1), 2) for _ in range(count)]).reshape(shape)


def values(tensor):
    """A tensor as JSON, to seven digits: two orders of magnitude beyond what the tests ask for."""
    return {"shape": list(tensor.shape), "values": [float(f"{value:.7g}") for value in tensor.flatten().tolist()]}


def joined(unit, of):
    """The gates' weights side by side, as Keras has them: kernel [input, gates·hidden] and bias [gates·hidden]."""
    layers = [getattr(unit, gate) for gate in unit.gates]
    return {
        "kernel": torch.cat([of(layer.weight).T for layer in layers], dim=1),
        "bias": torch.cat([of(layer.bias) for layer in layers]),
    }


def case(kind, unit, time):
    generator = random.Random(f"{kind} {time}")
    with torch.no_grad():
        for parameter in unit.parameters():
            parameter.copy_(drawn(generator, *parameter.shape))
    x = drawn(generator, time, BATCH, INPUT).requires_grad_()
    initial = drawn(generator, BATCH, HIDDEN).requires_grad_()
    h, steps = initial, []
    for t in range(time):
        h = unit(x[t], h)
        steps.append(h)
    outputs = torch.stack(steps)
    weights = drawn(generator, *outputs.shape)
    (outputs * weights).sum().backward()
    inputs = {"x": x, **joined(unit, lambda parameter: parameter.detach()), "initialHidden": initial}
    gradients = {"x": x.grad, **joined(unit, lambda parameter: parameter.grad), "initialHidden": initial.grad}
    return {
        "unit": kind,
        "inputs": {name: values(tensor) for name, tensor in inputs.items()},
        "weights": values(weights),
        "outputs": values(outputs),
        "gradients": {name: values(tensor) for name, tensor in gradients.items()},
    }


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    made_by = {"script": "scripts/golden/make_minimal.py", "torch": torch.__version__, "python": platform.python_version()}
    kinds = {"mingru": MinGru, "minlstm": MinLstm}
    cases = [case(kind, unit(), time) for kind, unit in kinds.items() for time in (4, 7, 12)]
    lines = [{"madeBy": made_by}, *cases]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / "minimal-units.jsonl").write_text(text)


if __name__ == "__main__":
    main()
