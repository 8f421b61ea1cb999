"""Trains the tagger of `unroll train --task tagging` in PyTorch, with the same words, spellings, batch size, optimizer, schedule
and dropout. Prints the validation F1 after each epoch, and the test scores of the best epoch. Entities are those of conlleval.

    python3 benchmarks/tagging/pytorch.py FOLDER [EPOCHS] [SEED]

FOLDER has train.txt, valid.txt and test.txt, a word and its tag on each line.
"""
import random
import re
import sys
from collections import Counter

import torch
from torch import nn

EMBEDDING, SPELLING, HIDDEN, DROPOUT, BATCH, RATE, DECAY, CLIP = 100, 8, 100, 0.5, 20, 0.002, 0.95, 5


def read(path):
    sentences, sentence = [], []
    for line in open(path, encoding="utf-8-sig").read().split("\n") + [""]:
        columns = line.split()
        if columns and columns[0] != "-DOCSTART-":
            sentence.append((columns[0], columns[-1]))
        elif sentence:
            sentences.append(sentence)
            sentence = []
    return sentences


def normalized(word):
    return re.sub(r"\d", "0", word.lower())


def spelling(word):
    letters = "".join(filter(str.isalpha, word))
    has_digit = any(map(str.isnumeric, word))
    if not letters:
        return 4 if has_digit else 6
    if has_digit:
        return 5
    if letters == letters.lower():
        return 7 if letters == letters.upper() else 0
    if letters[0].isupper() and letters[1:] == letters[1:].lower():
        return 1
    return 2 if letters == letters.upper() else 3


class Tagger(nn.Module):
    def __init__(self, vocabulary, tags):
        super().__init__()
        self.words = nn.Embedding(vocabulary, EMBEDDING)
        self.spellings = nn.Embedding(8, SPELLING)
        self.lstm = nn.LSTM(EMBEDDING + SPELLING, HIDDEN, bidirectional=True)
        self.output = nn.Linear(2 * HIDDEN, tags)
        self.transitions = nn.Parameter(torch.empty(tags, tags))
        self.start = nn.Parameter(torch.empty(tags))
        self.stop = nn.Parameter(torch.empty(tags))
        self.dropout = nn.Dropout(DROPOUT)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.08, 0.08)

    def emissions(self, words, spellings, lengths):
        x = self.dropout(torch.cat([self.words(words), self.spellings(spellings)], 2))
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0])
        return self.output(self.dropout(outputs))

    def loss(self, words, spellings, tags, lengths):
        emissions = self.emissions(words, spellings, lengths)
        time, batch, _ = emissions.shape
        lanes = torch.arange(batch)
        score = self.start[tags[0]] + emissions[0, lanes, tags[0]]
        total = self.start + emissions[0]
        for t in range(1, time):
            real = (t < lengths).float()
            score = score + real * (self.transitions[tags[t - 1], tags[t]] + emissions[t, lanes, tags[t]])
            after = torch.logsumexp(total.unsqueeze(2) + self.transitions, 1) + emissions[t]
            total = torch.where((t < lengths).unsqueeze(1), after, total)
        score = score + self.stop[tags[lengths - 1, lanes]]
        return (torch.logsumexp(total + self.stop, 1) - score).mean()

    def best(self, words, spellings, lengths):
        emissions = self.emissions(words, spellings, lengths)
        paths = []
        for lane, length in enumerate(lengths.tolist()):
            scores, sources = self.start + emissions[0, lane], []
            for t in range(1, length):
                scores, source = (scores.unsqueeze(1) + self.transitions).max(0)
                scores = scores + emissions[t, lane]
                sources.append(source.tolist())
            path = [int((scores + self.stop).argmax())]
            for source in reversed(sources):
                path.append(source[path[-1]])
            paths.append(path[::-1])
        return paths


def entities(tags):
    found, last = [], None
    for k, tag in enumerate(tags):
        if tag == "O":
            last = None
            continue
        place, _, kind = tag.partition("-") if re.match("[BI]-.", tag) else ("B", "-", tag)
        if place == "I" and last and last[0] == kind and tag == f"I-{kind}":
            last[2] = k + 1
        else:
            last = [kind, k, k + 1]
            found.append(last)
    return {tuple(entity) for entity in found}


def batch_of(examples):
    columns = [nn.utils.rnn.pad_sequence([torch.tensor(example[k]) for example in examples]) for k in range(3)]
    return *columns, torch.tensor([len(example[0]) for example in examples])


def scores(model, examples, names):
    model.eval()
    right = words = correct = actual_count = predicted_count = 0
    with torch.no_grad():
        for start in range(0, len(examples), 64):
            chosen = examples[start : start + 64]
            ids, spellings, _, lengths = batch_of(chosen)
            for (_, _, _, actual), path in zip(chosen, model.best(ids, spellings, lengths)):
                predicted = [names[tag] for tag in path]
                words += len(actual)
                right += sum(a == p for a, p in zip(actual, predicted))
                known, found = entities(actual), entities(predicted)
                correct += len(known & found)
                actual_count += len(known)
                predicted_count += len(found)
    f1 = 2 * correct / (actual_count + predicted_count)
    return f1, right / words


def main():
    folder, epochs, seed = sys.argv[1], int((sys.argv + ["20"])[2]), int((sys.argv + ["20", "1"])[3])
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    random.seed(seed)
    parts = {part: read(f"{folder}/{part}.txt") for part in ("train", "valid", "test")}
    counts = Counter(normalized(word) for sentence in parts["train"] for word, _ in sentence)
    vocabulary = {word: k + 1 for k, word in enumerate(word for word, count in counts.items() if count >= 2)}
    names = sorted({tag for sentence in parts["train"] for _, tag in sentence})
    encoded = {
        part: [
            (
                [vocabulary.get(normalized(word), 0) for word, _ in sentence],
                [spelling(word) for word, _ in sentence],
                [names.index(tag) if tag in names else 0 for _, tag in sentence],
                [tag for _, tag in sentence],
            )
            for sentence in sentences
        ]
        for part, sentences in parts.items()
    }
    model = Tagger(len(vocabulary) + 1, len(names))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, DECAY)
    best = None
    for epoch in range(1, epochs + 1):
        model.train()
        order = sorted(encoded["train"], key=lambda example: (len(example[0]), random.random()))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        random.shuffle(batches)
        for chosen in batches:
            optimizer.zero_grad()
            words, spellings, tags, lengths = batch_of(chosen)
            model.loss(words, spellings, tags, lengths).backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
        schedule.step()
        f1, _ = scores(model, encoded["valid"], names)
        if best is None or f1 > best[0]:
            best = (f1, epoch, scores(model, encoded["test"], names))
        print(f"epoch {epoch}: validation f1 {f1:.4f}", flush=True)
    f1, epoch, (test_f1, test_accuracy) = best
    print(f"epoch {epoch}: validation f1 {f1:.4f}, test f1 {test_f1:.4f}, accuracy {test_accuracy:.4f}")


if __name__ == "__main__":
    main()
