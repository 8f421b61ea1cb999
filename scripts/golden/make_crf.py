"""Makes the golden vectors packages/core/src/testing/golden/crf.jsonl by running PyTorch in float64: the negative log-likelihood
of tags under a conditional random field, from the scores of all paths, and its gradients by autograd. Where the package
pytorch-crf is installed, its results must be the same.

    python3 scripts/golden/make_crf.py [FOLDER]

Python's own generator draws all inputs from a fixed seed, so that they are the same on every machine. The file has a line
with the versions that made it, then a line for each case.
"""

import itertools
import json
import platform
import random
import sys
from pathlib import Path

import torch

# (time, tags, lengths)
CASES = [(1, 3, [1, 1]), (4, 3, [4, 2, 1]), (6, 4, [3, 6, 5, 1])]
NAMES = ["emissions", "transitions", "start", "stop"]


def rounded(tensor):
    return [float(f"{value:.7g}") for value in tensor.flatten().tolist()]


def path_score(path, emissions, transitions, start, stop):
    score = start[path[0]] + stop[path[-1]] + sum(emissions[t, tag] for t, tag in enumerate(path))
    return score + sum(transitions[before, after] for before, after in zip(path, path[1:]))


def loss_of(path, *scores):
    paths = itertools.product(range(len(scores[2])), repeat=len(path))
    return torch.stack([path_score(each, *scores) for each in paths]).logsumexp(0) - path_score(path, *scores)


def check_with_pytorch_crf(scores, tags, lengths, losses):
    try:
        from torchcrf import CRF
    except ImportError:
        return
    emissions, transitions, start, stop = scores
    crf = CRF(len(start)).double()
    crf.transitions.data, crf.start_transitions.data, crf.end_transitions.data = transitions, start, stop
    mask = torch.tensor([[t < length for length in lengths] for t in range(len(tags))])
    theirs = -crf(emissions, torch.tensor(tags), mask, reduction="none")
    assert torch.allclose(theirs, losses, rtol=1e-10), (theirs, losses)


def case(time, count, lengths):
    generator = random.Random(f"crf {time} {count}")
    batch = len(lengths)

    def drawn(*shape):
        numbers = [round(generator.uniform(-2, 2), 2) for _ in range(torch.Size(shape).numel())]
        return torch.tensor(numbers, dtype=torch.float64).reshape(shape).requires_grad_()

    scores = [drawn(time, batch, count), drawn(count, count), drawn(count), drawn(count)]
    tags = [[generator.randrange(count) for _ in range(batch)] for _ in range(time)]
    weights = [round(generator.uniform(-1, 1), 2) for _ in range(batch)]
    losses = torch.stack(
        [
            loss_of([tags[t][b] for t in range(length)], scores[0][:length, b], *scores[1:])
            for b, length in enumerate(lengths)
        ]
    )
    check_with_pytorch_crf([tensor.detach() for tensor in scores], tags, lengths, losses.detach())
    (losses * torch.tensor(weights, dtype=torch.float64)).sum().backward()
    zeros = [torch.zeros_like(tensor) for tensor in scores]
    gradients = [zero if tensor.grad is None else tensor.grad for zero, tensor in zip(zeros, scores)]
    return {
        "shape": [time, batch, count],
        "lengths": lengths,
        "tags": tags,
        "weights": weights,
        **{name: rounded(tensor) for name, tensor in zip(NAMES, scores)},
        "losses": rounded(losses),
        "gradients": {name: rounded(tensor) for name, tensor in zip(NAMES, gradients)},
    }


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    torch.set_num_threads(1)
    made_by = {"script": "scripts/golden/make_crf.py", "torch": torch.__version__, "python": platform.python_version()}
    lines = [{"madeBy": made_by}, *(case(*each) for each in CASES)]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / "crf.jsonl").write_text(text)


if __name__ == "__main__":
    main()
