"""Times PyTorch's training step: forward, backward, clipping by global norm, SGD. One JSON line: the seconds of
each step, and the process's peak memory.
usage: pytorch.py CONFIGURATION STEPS THREADS"""
import json, resource, sys, time
from pathlib import Path
import torch
from torch import nn

name, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
config = json.loads((Path(__file__).parent / "configurations.json").read_text())[name]
torch.manual_seed(0)
torch.set_num_threads(threads)


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(config["vocabSize"], config["embeddingDim"])
        cell = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[config["cell"]]
        self.rnn = cell(config["embeddingDim"], config["hiddenDim"], config["layers"], batch_first=True)
        self.output = nn.Linear(config["hiddenDim"], config["vocabSize"])

    def forward(self, ids):
        features, _ = self.rnn(self.embedding(ids))
        return self.output(features)


model = LanguageModel()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
shape = (config["batch"], config["time"])
ids, targets = (torch.randint(0, config["vocabSize"], shape) for _ in range(2))


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(ids).reshape(-1, config["vocabSize"]), targets.reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    optimizer.step()


for _ in range(3):
    step()
seconds = []
for _ in range(steps):
    start = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peakMegabytes": peak}))
