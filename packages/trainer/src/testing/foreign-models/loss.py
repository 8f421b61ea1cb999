"""Prints PyTorch's loss of each state_dict that Unroll wrote, one per line: loss.py FILE,CELL,LAYERS,PROJECTION[,tied] …"""

import sys

import torch
from make import LanguageModel, torch_loss

for argument in sys.argv[1:]:
    file, cell, layers, projection, *tied = argument.split(",")
    model = LanguageModel(cell, layers=int(layers), projection=int(projection), tied=bool(tied))
    model.load_state_dict(torch.load(file))
    print(torch_loss(model))
