"""Times PyTorch's DistributedDataParallel over gloo: two processes, one thread each, PTB medium, global batch 20, clipping by
global norm, SGD. One JSON line: the seconds of each step of process 0.
usage: pytorch.py STEPS"""
import json, sys, tempfile, time
import torch
from torch import nn
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

steps = int(sys.argv[1])
vocab, width, layers, batch, sequence = 10000, 650, 2, 10, 35


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.rnn = nn.LSTM(width, width, layers, batch_first=True)
        self.output = nn.Linear(width, vocab)

    def forward(self, ids):
        features, _ = self.rnn(self.embedding(ids))
        return self.output(features)


def work(rank, processes, meeting_point):
    distributed.init_process_group("gloo", init_method=f"file://{meeting_point}", rank=rank, world_size=processes)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = DistributedDataParallel(LanguageModel())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    ids, targets = (torch.randint(0, vocab, (batch, sequence)) for _ in range(2))

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(ids).reshape(-1, vocab), targets.reshape(-1))
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
    if rank == 0:
        print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, args=(2, f"{folder}/processes"), nprocs=2)
