"""Makes the golden vectors of packages/core/src/testing/golden by running PyTorch: outputs, last states and gradients of
nn.RNN, nn.LSTM and nn.GRU, of one to three layers, in one and both directions, over sequences of equal and unequal length, from
zeros and from given states: every combination.

    python3 scripts/golden/make.py [FOLDER]

Python's own generator draws all inputs from a fixed seed, to two decimals, so that they are the same on every machine. It
writes one file for each kind of network: a line with the versions that made it, then a line for each network with its
parameters, inputs and results in four cases.
"""

import json
import platform
import random
import sys
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

TIME, BATCH, INPUT, HIDDEN, PROJECTION = 4, 3, 2, 3, 2
LENGTHS = [3, 4, 1]

KINDS = {
    "rnn-tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn-relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (torch.nn.LSTM, {}),
    "lstm-projection": (torch.nn.LSTM, {"proj_size": PROJECTION}),
    "gru": (torch.nn.GRU, {}),
}


def drawn(generator, *shape, low=-1.0, high=1.0):
    """A tensor of this shape with elements of two decimals in [low, high]."""
    count = torch.Size(shape).numel()
    return torch.tensor([round(generator.uniform(low, high), 2) for _ in range(count)]).reshape(shape)


def values(tensor, digits=7):
    """A tensor as JSON, to so many digits: two orders of magnitude beyond what the tests ask for."""
    return {"shape": list(tensor.shape), "values": [float(f"{value:.{digits}g}") for value in tensor.flatten().tolist()]}


def run(module, x, states, lengths):
    """The outputs [time, batch, features], padded with zeros, and the last states."""
    initial = None if not states else states[0] if len(states) == 1 else tuple(states)
    if lengths is None:
        outputs, last = module(x, initial)
    else:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        packed_outputs, last = module(packed, initial)
        outputs, _ = pad_packed_sequence(packed_outputs, total_length=TIME)
    return [outputs, *(last if isinstance(last, tuple) else [last])]


def network(kind, layers, bidirectional):
    """One network with its inputs, and what PyTorch makes of them."""
    network_class, options = KINDS[kind]
    generator = random.Random(f"{kind} {layers} {bidirectional}")
    module = network_class(INPUT, HIDDEN, num_layers=layers, bidirectional=bidirectional, **options)
    # Most rectified units must be above zero, else there is nothing to compare.
    low = -0.25 if kind == "rnn-relu" else -0.75
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(drawn(generator, *parameter.shape, low=low, high=0.75))
    x = drawn(generator, TIME, BATCH, INPUT).requires_grad_()
    depth = layers * (2 if bidirectional else 1)
    widths = [options.get("proj_size", HIDDEN), *([HIDDEN] if network_class is torch.nn.LSTM else [])]
    states = [drawn(generator, depth, BATCH, width).requires_grad_() for width in widths]
    weights = [drawn(generator, *output.shape) for output in run(module, x, states, None)]
    return {
        "layers": layers,
        "bidirectional": bidirectional,
        "x": values(x),
        "parameters": {name: values(parameter) for name, parameter in module.named_parameters()},
        "weights": [values(weight) for weight in weights],
        "cases": [case(module, x, given, weights, lengths) for lengths in (None, LENGTHS) for given in ([], states)],
    }


def case(module, x, states, weights, lengths):
    """The outputs for these inputs, and the gradients of their weighted sum."""
    for tensor in (x, *states, *module.parameters()):
        tensor.grad = None
    outputs = run(module, x, states, lengths)
    sum((output * weight).sum() for output, weight in zip(outputs, weights)).backward()
    return {
        "lengths": lengths,
        "states": [values(state) for state in states],
        "outputs": [values(output) for output in outputs],
        "gradients": {
            "x": values(x.grad, digits=6),
            "parameters": {name: values(parameter.grad, digits=6) for name, parameter in module.named_parameters()},
            "states": [values(state.grad, digits=6) for state in states],
        },
    }


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    made_by = {"script": "scripts/golden/make.py", "torch": torch.__version__, "python": platform.python_version()}
    sizes = {"inputDim": INPUT, "hiddenDim": HIDDEN}
    for kind in KINDS:
        networks = [network(kind, layers, bidirectional) for layers in (1, 2, 3) for bidirectional in (False, True)]
        lines = [{"madeBy": made_by, **sizes}, *networks]
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


if __name__ == "__main__":
    main()
