# The training step of train.mjs in PyTorch: plain, or with torch.utils.checkpoint over parts of the sequence.
#   usage: pytorch.py TIME EVERY      (EVERY equal to TIME keeps all activations)
# Prints the same JSON line as train.mjs.
import json, resource, sys, time

import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint

length, every = map(int, sys.argv[1:])
lanes, steps, vocab, embedding, hidden = 16, 3, 256, 256, 512
torch.set_num_threads(2)
torch.manual_seed(1)
peak = lambda: round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
idle = peak()


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.rnn, self.output = nn.Embedding(vocab, embedding), nn.LSTM(embedding, hidden), nn.Linear(hidden, vocab)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.05, 0.05)

    def part(self, ids, targets, h, c):
        features, (h, c) = self.rnn(self.embedding(ids), (h, c))
        loss = nn.functional.cross_entropy(self.output(features).view(-1, vocab), targets.reshape(-1), reduction='sum')
        return loss, h, c

    def forward(self, ids, targets):
        h = c = torch.zeros(1, lanes, hidden, requires_grad=True)
        loss = 0.0
        for start in range(0, length, every):
            part = ids[start : start + every], targets[start : start + every], h, c
            summed, h, c = self.part(*part) if every == length else checkpoint(self.part, *part)
            loss = loss + summed
        return loss


model = LanguageModel()
text = torch.arange(lanes * length * (steps + 1) + 1) ** 2 % vocab
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
compiled = peak()
seconds = []
for step in range(steps):
    start = step * lanes * length
    part = text[start : start + lanes * length + 1]
    ids, targets = part[:-1].view(lanes, length).t(), part[1:].view(lanes, length).t()
    began = time.time()
    optimizer.zero_grad(set_to_none=True)
    loss = model(ids, targets) / (lanes * length)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    seconds.append(time.time() - began)
print(json.dumps({'time': length, 'recomputeEvery': every, 'idleMB': idle, 'compiledMB': compiled, 'peakMB': peak(), 'tokensPerSecond': round(lanes * length / min(seconds)), 'loss': loss.item()}))
