"""Makes the golden vectors packages/core/src/testing/golden/{ctc,log-mel}.jsonl by running PyTorch: torch.nn.functional.ctc_loss
with its gradient, and torch.stft with the mel filters in HTK's form.

    python3 scripts/golden/make_speech.py [FOLDER]

Python's own generator draws all inputs from a fixed seed, so that they are the same on every machine. Each file has a
line with the versions that made it, then a line for each case.
"""

import json
import math
import platform
import random
import sys
from pathlib import Path

import torch

# (time, classes, lengths of the outputs, labels)
CTC_CASES = [
    (4, 3, [4], [[1, 2]]),
    (6, 4, [6, 5, 3], [[1, 2, 3], [2, 2], [3]]),
    (9, 5, [9, 7, 1, 2], [[4, 4, 4, 1], [], [2], [1, 1]]),
]
RATE, FRAME, HOP, FFT, MELS = 8000, 200, 80, 256, 40


def rounded(tensor):
    return [float(f"{value:.7g}") for value in tensor.flatten().tolist()]


def ctc_case(time, classes, lengths, labels):
    generator = random.Random(f"ctc {time} {classes}")
    batch = len(lengths)
    count = time * batch * classes
    logits = torch.tensor([round(generator.uniform(-3, 3), 2) for _ in range(count)]).reshape(time, batch, classes)
    logits.requires_grad_()
    weights = [round(generator.uniform(-1, 1), 2) for _ in range(batch)]
    losses = torch.nn.functional.ctc_loss(
        logits.log_softmax(2),
        torch.tensor([label for row in labels for label in row], dtype=torch.long),
        torch.tensor(lengths),
        torch.tensor([len(row) for row in labels]),
        reduction="none",
        zero_infinity=True,
    )
    (losses * torch.tensor(weights)).sum().backward()
    return {
        "shape": [time, batch, classes],
        "lengths": lengths,
        "labels": labels,
        "logits": rounded(logits),
        "weights": weights,
        "losses": rounded(losses),
        "gradient": rounded(logits.grad),
    }


def mel(hertz):
    return 2595 * math.log10(1 + hertz / 700)


def hertz(mel_value):
    return 700 * (10 ** (mel_value / 2595) - 1)


def mel_filters():
    """Triangles over the bins of the spectrum, equally wide in mel from 0 Hz to half the rate, [bins, mels]."""
    centres = [hertz(mel(RATE / 2) * k / (MELS + 1)) for k in range(MELS + 2)]
    filters = torch.zeros(FFT // 2 + 1, MELS, dtype=torch.float64)
    for bin_ in range(FFT // 2 + 1):
        frequency = bin_ * RATE / FFT
        for k in range(MELS):
            low, centre, high = centres[k : k + 3]
            rise, fall = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
            filters[bin_, k] = max(0.0, min(rise, fall))
    return filters


def log_mel_case(samples):
    generator = random.Random(f"log-mel {samples}")
    signal = [round(generator.uniform(-0.5, 0.5), 3) for _ in range(samples)]
    x = torch.tensor(signal, dtype=torch.float64)
    # torch.stft centres a window that is shorter than the transform, so its frames start that much earlier than ours.
    before = (FFT - FRAME) // 2
    padded = torch.cat([torch.zeros(before, dtype=torch.float64), x, torch.zeros(FFT - FRAME - before, dtype=torch.float64)])
    window = torch.hann_window(FRAME, dtype=torch.float64)
    spectrum = torch.stft(padded, FFT, HOP, FRAME, window, center=False, return_complex=True)
    energies = spectrum.abs().square().T @ mel_filters()
    return {"signal": signal, "frames": energies.shape[0], "features": rounded((energies + 1e-6).log())}


def write(path, cases, **about):
    made_by = {"script": "scripts/golden/make_speech.py", "torch": torch.__version__, "python": platform.python_version()}
    lines = [{"madeBy": made_by, **about}, *cases]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "packages/core/src/testing/golden")
    torch.set_num_threads(1)
    write(folder / "ctc.jsonl", [ctc_case(*case) for case in CTC_CASES])
    sizes = {"sampleRate": RATE, "frameLength": FRAME, "hop": HOP, "fftLength": FFT, "mels": MELS}
    write(folder / "log-mel.jsonl", [log_mel_case(samples) for samples in (200, 461)], **sizes)


if __name__ == "__main__":
    main()
