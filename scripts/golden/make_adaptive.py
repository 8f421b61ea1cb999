"""Makes adaptive-softmax.jsonl of packages/core/src/testing/golden by running PyTorch's AdaptiveLogSoftmaxWithLoss: the losses of
some targets, the log-probabilities of all words, and the gradients of features and parameters.

    python3 scripts/golden/make_adaptive.py [FOLDER]
"""

import json
import platform
import random
import sys
from pathlib import Path

import torch

FEATURES, WORDS, CUTOFFS = 16, 15, [4, 9]
TARGETS = [3, 14, 0, 9, 4, 8, 14]


def drawn(generator, *shape):
    """A tensor of this shape with elements of two decimals in [-1, 1]."""
    count = torch.Size(shape).numel()
    values = [round(generator.uniform(-1, 1), 2) for _ in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def rounded(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def parameters_of(layer, value_of):
    """By Unroll's names and in its layouts: Keras's kernels are PyTorch's weights transposed."""
    named = {"output.kernel": value_of(layer.head.weight).T, "output.bias": value_of(layer.head.bias)}
    for k, (projection, kernel) in enumerate(layer.tail):
        named[f"output.tail.{k}.projection"] = value_of(projection.weight).T
        named[f"output.tail.{k}.kernel"] = value_of(kernel.weight).T
    return {name: rounded(value) for name, value in named.items()}


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    torch.set_num_threads(1)
    generator = random.Random("adaptive softmax")
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(FEATURES, WORDS, CUTOFFS, head_bias=True).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(drawn(generator, *parameter.shape))
    features = drawn(generator, len(TARGETS), FEATURES).requires_grad_()
    scales = drawn(generator, len(TARGETS))
    losses = -layer(features, torch.tensor(TARGETS)).output
    (losses * scales).sum().backward()
    result = {
        "madeBy": {"script": "scripts/golden/make_adaptive.py", "torch": torch.__version__, "python": platform.python_version()},
        **{"width": FEATURES, "words": WORDS, "cutoffs": CUTOFFS, "targets": TARGETS},
        "features": rounded(features),
        "parameters": parameters_of(layer, lambda parameter: parameter),
        "scales": rounded(scales),
        "losses": rounded(losses),
        "logProbabilities": rounded(layer.log_prob(features)),
        "gradients": {"features": rounded(features.grad), **parameters_of(layer, lambda parameter: parameter.grad)},
    }
    (folder / "adaptive-softmax.jsonl").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
