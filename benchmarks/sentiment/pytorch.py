"""Trains the classifier of `unroll train --task sentiment` in PyTorch, with the same split, vocabulary, batch size,
optimizer and dropout. Prints the validation and test accuracy after each epoch, and of the best epoch.

    python3 benchmarks/sentiment/pytorch.py ../shared/data/rt-polarity
"""
import random
import re
import sys
from collections import Counter

import torch
from torch import nn

EMBEDDING, HIDDEN, DROPOUT, BATCH, RATE, CLIP, EPOCHS, SEED = 100, 100, 0.5, 50, 0.002, 5, 5, 1


def words(line):
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("windows-1252")
    text = text.lower().replace("\u2018", "'").replace("\u2019", "'")
    return re.sub(r"([^\w\s'-]+|_+)", r" \1 ", text).split()


def read(folder):
    parts = {"train": [], "valid": [], "test": []}
    for label, ending in enumerate(["neg", "pos"]):
        with open(f"{folder}/rt-polarity.{ending}", "rb") as file:
            for number, line in enumerate(file.read().rstrip(b"\n").split(b"\n")):
                part = {0: "test", 1: "valid"}.get(number % 10, "train")
                parts[part].append((words(line), label))
    return parts


class Classifier(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, bidirectional=True)
        self.output = nn.Linear(2 * HIDDEN, 2)
        self.dropout = nn.Dropout(DROPOUT)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.08, 0.08)

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.dropout(self.embedding(ids)), lengths, enforce_sorted=False)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0])
        return self.output(self.dropout(outputs.max(0).values.clamp(min=0)))


def batch_of(examples):
    lengths = torch.tensor([len(ids) for ids, _ in examples])
    ids = nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids, _ in examples])
    return ids, lengths, torch.tensor([label for _, label in examples])


def accuracy(model, examples):
    model.eval()
    with torch.no_grad():
        right = 0
        for start in range(0, len(examples), BATCH):
            ids, lengths, labels = batch_of(examples[start : start + BATCH])
            right += (model(ids, lengths).argmax(1) == labels).sum().item()
    return right / len(examples)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random.seed(SEED)
    parts = read(sys.argv[1])
    counts = Counter(word for text, _ in parts["train"] for word in text)
    frequent = [word for word, count in counts.items() if count >= 2]
    vocabulary = {word: index + 1 for index, word in enumerate(frequent)}
    encoded = {
        part: [([vocabulary.get(word, 0) for word in text], label) for text, label in examples]
        for part, examples in parts.items()
    }
    model = Classifier(len(vocabulary) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    best = (0, 0)
    for epoch in range(1, EPOCHS + 1):
        model.train()
        random.shuffle(encoded["train"])
        for start in range(0, len(encoded["train"]), BATCH):
            ids, lengths, labels = batch_of(encoded["train"][start : start + BATCH])
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(ids, lengths), labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
        valid, test = accuracy(model, encoded["valid"]), accuracy(model, encoded["test"])
        best = max(best, (valid, test))
        print(f"epoch {epoch}: validation {valid:.4f}, test {test:.4f}", flush=True)
    print(f"best epoch: validation {best[0]:.4f}, test {best[1]:.4f}")


if __name__ == "__main__":
    main()
