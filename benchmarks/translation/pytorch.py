"""Trains the model of `unroll train --task translation` in PyTorch, with the same sizes, optimizer, schedule, dropout and
beam search. `run.mjs` passes it pairs of token ids and reads its translations of the test sentences.

    python3 benchmarks/translation/pytorch.py IDS.json HYPOTHESES.json [THREADS]
"""
import json
import math
import random
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

EMBEDDING, HIDDEN, DROPOUT, BATCH, RATE, DECAY, CLIP, EPOCHS, SEED = 256, 256, 0.3, 64, 0.002, 0.6, 1, 5, 1
BEAM, LONGEST, SORTED_TOGETHER = 5, 64, 50


class Translator(nn.Module):
    """A bidirectional LSTM, an LSTM with global attention (Luong et al. 2015), and one table for all words."""

    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        self.encoder = nn.LSTM(EMBEDDING, HIDDEN, bidirectional=True)
        self.bridge = nn.Linear(HIDDEN, HIDDEN)
        self.decoder = nn.LSTM(EMBEDDING, HIDDEN)
        self.attention = nn.Linear(HIDDEN, 2 * HIDDEN, bias=False)
        self.combination = nn.Linear(3 * HIDDEN, EMBEDDING, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.dropout = nn.Dropout(DROPOUT)
        for name, parameter in self.named_parameters():
            reach = math.sqrt(3 / parameter.shape[-1]) if parameter.dim() == 2 else 0
            nn.init.uniform_(parameter, -reach, reach)

    def encode(self, source, lengths):
        """source [time, batch] -> memory [batch, time, 2 hidden], its mask, and the decoder's state."""
        embedded = self.dropout(self.embedding(source))
        packed = pack_padded_sequence(embedded, lengths, enforce_sorted=False)
        outputs, (hidden, _) = self.encoder(packed)
        memory = pad_packed_sequence(outputs)[0].transpose(0, 1)
        mask = torch.arange(memory.shape[1])[None, :] < lengths[:, None]
        start = torch.tanh(self.bridge(hidden[1:]))
        return memory, mask, (start, torch.zeros_like(start))

    def decode(self, previous, memory, mask, state):
        """previous [time, batch] -> logits [time, batch, vocabulary] and the state."""
        outputs, state = self.decoder(self.dropout(self.embedding(previous)), state)
        scores = self.attention(outputs.transpose(0, 1)) @ memory.transpose(1, 2)
        weights = scores.masked_fill(~mask[:, None, :], -1e9).softmax(2)
        contexts = (weights @ memory).transpose(0, 1)
        features = torch.tanh(self.combination(torch.cat([contexts, outputs], 2)))
        return self.dropout(features) @ self.embedding.weight.T + self.bias, state


def loss_of(model, pairs, eos):
    """Returns the summed cross-entropy of the targets' tokens, in nats, and their number."""
    sources, targets = zip(*pairs)
    lengths = torch.tensor([len(ids) for ids in sources])
    padded = pad_sequence([torch.tensor(ids) for ids in targets], padding_value=-100)
    previous = pad_sequence([torch.tensor([eos] + ids[:-1]) for ids in targets], padding_value=eos)
    source = pad_sequence([torch.tensor(ids) for ids in sources], padding_value=eos)
    logits, _ = model.decode(previous, *model.encode(source, lengths))
    return cross_entropy(logits.flatten(0, 1), padded.flatten(), reduction="sum"), (padded != -100).sum().item()


def epoch_batches(pairs):
    """Orders the examples as we do: randomly, then sorted by length within runs of batches."""
    order = random.sample(pairs, len(pairs))
    pool = BATCH * SORTED_TOGETHER
    batches = []
    for start in range(0, len(order), pool):
        run = sorted(order[start : start + pool], key=lambda pair: len(pair[0]) + len(pair[1]))
        batches += [run[k : k + BATCH] for k in range(0, len(run), BATCH)]
    return random.sample(batches, len(batches))


def perplexity(model, pairs, eos):
    model.eval()
    with torch.no_grad():
        parts = [loss_of(model, pairs[k : k + 32], eos) for k in range(0, len(pairs), 32)]
    return math.exp(sum(loss.item() for loss, _ in parts) / sum(tokens for _, tokens in parts))


def translate(model, source, eos):
    """Returns the hypothesis with the highest log-probability per token in a beam."""
    memory, mask, (h, c) = model.encode(torch.tensor(source)[:, None], torch.tensor([len(source)]))
    beam, ended = [(0.0, [])], []
    for _ in range(2 * len(source) + 10):
        width = len(beam)
        last = torch.tensor([[ids[-1] if ids else eos for _, ids in beam]])
        logits, (h, c) = model.decode(last, memory.expand(width, -1, -1), mask.expand(width, -1), (h, c))
        scores = torch.tensor([score for score, _ in beam])[:, None] + log_softmax(logits[0], 1)
        best, flat = scores.flatten().topk(2 * BEAM)
        beam_of, tokens = flat // scores.shape[1], flat % scores.shape[1]
        live = []
        for score, parent, token in zip(best.tolist(), beam_of.tolist(), tokens.tolist()):
            ids = beam[parent][1]
            if token == eos:
                ended.append((score / (len(ids) + 1), ids))
            elif len(live) < BEAM:
                live.append((parent, score, ids + [token]))
        if len(ended) >= BEAM:
            break
        chosen = torch.tensor([parent for parent, _, _ in live])
        h, c = h[:, chosen], c[:, chosen]
        beam = [(score, ids) for _, score, ids in live]
    return max(ended or [(score / len(ids), ids) for score, ids in beam])[1]


def main():
    given, written, threads = sys.argv[1], sys.argv[2], int((sys.argv + ["1"])[3])
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    random.seed(SEED)
    with open(given) as file:
        data = json.load(file)
    eos = data["eos"]
    train = [pair for pair in data["train"] if max(map(len, pair)) <= LONGEST]
    model = Translator(data["vocabulary"])
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    best, state = math.inf, None
    for epoch in range(EPOCHS):
        model.train()
        began = time.time()
        for group in optimizer.param_groups:
            group["lr"] = RATE * DECAY**epoch
        for batch in epoch_batches(train):
            optimizer.zero_grad()
            loss, tokens = loss_of(model, batch, eos)
            (loss / tokens).backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
        seconds = time.time() - began
        valid = perplexity(model, data["valid"], eos)
        print(f"epoch {epoch + 1}: validation perplexity {valid:.4f}, {len(train) / seconds:.0f} examples/s", flush=True)
        if valid < best:
            best, state = valid, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    print(f"test perplexity {perplexity(model, data['test'], eos):.4f}", flush=True)
    with torch.no_grad(), open(written, "w") as file:
        json.dump([translate(model, source, eos) for source, _ in data["test"]], file)


main()
