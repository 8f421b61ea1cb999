"""Times PyTorch's training step with cuDNN's LSTM: forward, backward, clipping by global norm, SGD.
One JSON line: the device, the seconds of each step, and the CUDA kernels that took longest.
usage: pytorch.py CONFIGURATION STEPS float32|mixed"""
import json, sys, time
from pathlib import Path
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

name, steps, precision = sys.argv[1], int(sys.argv[2]), sys.argv[3]
config = json.loads((Path(__file__).parent / "configurations.json").read_text())[name]
if not torch.cuda.is_available():
    sys.exit("PyTorch finds no CUDA device")
torch.manual_seed(0)
# ONNX Runtime's CUDA provider multiplies float32 matrices in TF32 unless told otherwise.
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(config["vocabSize"], config["embeddingDim"])
        self.rnn = nn.LSTM(config["embeddingDim"], config["hiddenDim"], config["layers"])
        self.output = nn.Linear(config["hiddenDim"], config["vocabSize"])

    def forward(self, ids):
        features, _ = self.rnn(self.embedding(ids))
        return self.output(features)


model = LanguageModel().cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda", enabled=precision == "mixed")
shape = (config["time"], config["batch"])
ids, targets = (torch.randint(0, config["vocabSize"], shape, device="cuda") for _ in range(2))


def step():
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cuda", dtype=torch.float16, enabled=precision == "mixed"):
        loss = nn.functional.cross_entropy(model(ids).reshape(-1, config["vocabSize"]), targets.reshape(-1))
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    scaler.step(optimizer)
    scaler.update()
    loss.item()
    torch.cuda.synchronize()


for _ in range(3):
    step()
seconds = []
for _ in range(steps):
    start = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - start)

with profile(activities=[ProfilerActivity.CUDA]) as profiler:
    step()
kernels = sorted(profiler.key_averages(), key=lambda event: -event.self_device_time_total)[:10]
operators = [
    {"operator": event.key[:60], "nodes": event.count, "ms a step": round(event.self_device_time_total / 1000, 3)}
    for event in kernels
]
print(json.dumps({"engine": f"pytorch {torch.__version__}, {torch.cuda.get_device_name()}", "seconds": seconds, "operators": operators}))
