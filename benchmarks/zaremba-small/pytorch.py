"""Trains the small recipe of Zaremba et al. (2014) in PyTorch, for comparison with `unroll train --preset zaremba-small`.
usage: pytorch.py DATA [SEED] [EPOCHS] [word|char]     DATA: a folder of train.txt, valid.txt and test.txt
Progress on stderr, one JSON line on stdout."""
import json, math, sys, time
from pathlib import Path
import torch
from torch import nn

folder = Path(sys.argv[1])
seed, epochs = (int(sys.argv[k]) if len(sys.argv) > k else default for k, default in ((2, 11), (3, 13)))
hidden, layers, batch, bptt, clip = 200, 2, 20, 20, 5.0
init_range, constant_epochs, decay = 0.1, 4, 0.5
torch.manual_seed(seed)

characters = sys.argv[4:] == ["char"]


def tokens(line):
    return list(line) if characters else line.split() + ["<eos>"]


words = {
    split: [word for line in (folder / f"{split}.txt").open() for word in tokens(line)]
    for split in ("train", "valid", "test")
}
vocabulary = {}
for word in words["train"]:
    vocabulary.setdefault(word, len(vocabulary))
ids = {split: torch.tensor([vocabulary.get(word, vocabulary.get("<unk>", 0)) for word in text]) for split, text in words.items()}


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(vocabulary), hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers)
        self.output = nn.Linear(hidden, len(vocabulary))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -init_range, init_range)

    def forward(self, x, state):
        features, state = self.lstm(self.embedding(x), state)
        return self.output(features), state


model = LanguageModel()


def loss_of(logits, targets):
    return nn.functional.cross_entropy(logits.reshape(-1, len(vocabulary)), targets.reshape(-1))


@torch.no_grad()
def perplexity(text):
    """Evaluates in one lane, so that every token except the first is predicted from all tokens before it."""
    state, total = None, 0.0
    for start in range(0, len(text) - 1, 500):
        targets = text[start + 1 : start + 501]
        logits, state = model(text[start : start + len(targets)].view(-1, 1), state)
        total += loss_of(logits, targets).item() * len(targets)
    return math.exp(total / (len(text) - 1))


length = (len(ids["train"]) - 1) // batch
inputs = ids["train"][: length * batch].view(batch, length).t()
targets = ids["train"][1 : length * batch + 1].view(batch, length).t()
start_time, training_seconds = time.perf_counter(), 0.0
for epoch in range(epochs):
    learning_rate = decay ** max(0, epoch - constant_epochs + 1)
    state, epoch_start = None, time.perf_counter()
    for start in range(0, length, bptt):
        x, y = inputs[start : start + bptt], targets[start : start + bptt]
        state = None if state is None else tuple(value.detach() for value in state)
        model.zero_grad(set_to_none=True)
        logits, state = model(x, state)
        (loss_of(logits, y) * len(x)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= learning_rate * parameter.grad
    training_seconds += time.perf_counter() - epoch_start
    rate = (epoch + 1) * length * batch / training_seconds
    print(f"epoch {epoch + 1}: validation {perplexity(ids['valid']):.2f}, {rate:.0f} tokens/s", file=sys.stderr, flush=True)
result = {
    "seed": seed,
    "validPerplexity": perplexity(ids["valid"]),
    "testPerplexity": perplexity(ids["test"]),
    "tokensPerSecond": round(epochs * length * batch / training_seconds),
    "seconds": round(time.perf_counter() - start_time),
}
print(json.dumps(result))
