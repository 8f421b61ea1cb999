"""Makes optimizers.jsonl of packages/core/src/testing/golden by running PyTorch: a few steps of its optimizers from given
gradients, the averages of its ASGD, the learning rates of ReduceLROnPlateau, and a cross-entropy with smoothed labels.

    python3 scripts/golden/make_optimizers.py [FOLDER]
"""

import json
import platform
import random
import sys
from pathlib import Path

import torch

COUNT, STEPS, RATE = 6, 5, 0.1


def drawn(generator, count, limit=1.0):
    return [round(generator.uniform(-limit, limit), 2) for _ in range(count)]


def rounded(tensor):
    return [float(f"{value:.9g}") for value in torch.as_tensor(tensor).flatten().tolist()]


def trajectory(name, optimizer_of):
    """The parameter after each step, from gradients that are given; with ASGD the average."""
    generator = random.Random(name)
    start = drawn(generator, COUNT)
    gradients = [drawn(generator, COUNT) for _ in range(STEPS)]
    parameter = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = optimizer_of([parameter])
    steps = []
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        state = optimizer.state[parameter]
        steps.append(rounded((state["ax"] if "ax" in state else parameter).detach()))
    return {"kind": "optimizer", "name": name, "rate": RATE, "start": start, "gradients": gradients, "steps": steps}


def plateau(patience):
    """The learning rate of each epoch, from the validation losses of those before it."""
    losses = [9.0, 7.0, 7.5, 6.0, 6.0, 6.5, 5.0, 5.1, 5.2, 5.3, 4.0]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience, threshold=0)
    rates = [1.0]
    for loss in losses:
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return {"kind": "plateau", "patience": patience, "losses": losses, "rates": rates}


def smoothing(epsilon):
    generator = random.Random("smoothing")
    rows, width, classes = 4, 3, 5
    features = torch.tensor(drawn(generator, rows * width), dtype=torch.float64).reshape(rows, width).requires_grad_()
    weights = torch.tensor(drawn(generator, width * classes), dtype=torch.float64).reshape(width, classes).requires_grad_()
    bias = torch.tensor(drawn(generator, classes), dtype=torch.float64).requires_grad_()
    targets = [3, 0, 4, 3]
    scales = [1.0, 0.5, 2.0, 0.25]
    losses = torch.nn.functional.cross_entropy(
        features @ weights + bias, torch.tensor(targets), reduction="none", label_smoothing=epsilon
    )
    (losses * torch.tensor(scales, dtype=torch.float64)).sum().backward()
    given = {"features": rounded(features.detach()), "weights": rounded(weights.detach()), "bias": rounded(bias.detach())}
    gradients = {"features": rounded(features.grad), "weights": rounded(weights.grad), "bias": rounded(bias.grad)}
    sizes = {"rows": rows, "width": width, "classes": classes}
    return {
        **{"kind": "smoothing", "epsilon": epsilon, **sizes, **given, "targets": targets, "scales": scales},
        **{"losses": rounded(losses.detach()), "gradients": gradients},
    }


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    torch.set_num_threads(1)
    optim = torch.optim
    cases = [
        trajectory("momentum", lambda parameters: optim.SGD(parameters, lr=RATE, momentum=0.9)),
        trajectory("nesterov", lambda parameters: optim.SGD(parameters, lr=RATE, momentum=0.9, nesterov=True)),
        trajectory("adam", lambda parameters: optim.Adam(parameters, lr=RATE)),
        trajectory("adamw", lambda parameters: optim.AdamW(parameters, lr=RATE, weight_decay=0.01)),
        trajectory("adagrad", lambda parameters: optim.Adagrad(parameters, lr=RATE)),
        trajectory("rmsprop", lambda parameters: optim.RMSprop(parameters, lr=RATE)),
        # t0 = -1 averages all iterates; with 0, PyTorch leaves the first out.
        trajectory("nt-asgd", lambda parameters: optim.ASGD(parameters, lr=RATE, lambd=0, t0=-1)),
        *[plateau(patience) for patience in (0, 1)],
        smoothing(0.1),
    ]
    about = {"script": "scripts/golden/make_optimizers.py", "torch": torch.__version__, "python": platform.python_version()}
    lines = [{"madeBy": about}, *cases]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / "optimizers.jsonl").write_text(text)


if __name__ == "__main__":
    main()
