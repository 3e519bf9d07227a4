"""Writes the state dicts that tests/interop/torch.rs reads: python torch_files.py

torch-*.safetensors   small networks as PyTorch's users write them, with random weights
torch-expected.json   for each the token ids, and what it predicted of them
"""

import gzip
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn

FILES = pathlib.Path(__file__).parent / "files"
TIME, VOCABULARY = 7, 9
torch.manual_seed(5)


class Chain(nn.Module):
    """Modules with names of their own, and both biases."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, 4)
        self.encoder = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
        self.reader = nn.GRU(6, 3, batch_first=True)
        self.fc = nn.Linear(3, 1)

    def forward(self, ids):
        x, _ = self.encoder(self.words(ids))
        x, _ = self.reader(x)
        return torch.sigmoid(self.fc(x[:, -1]))


class Stacked(nn.Module):
    """Stacked recurrent layers, a BatchNorm1d, and layers of one shape that a Sequential numbers."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 3)
        self.rnn = nn.RNN(3, 3, num_layers=2, batch_first=True)
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))

    def forward(self, ids):
        x, _ = self.rnn(self.embedding(ids))
        return self.head(self.norm(x[:, -1])).softmax(-1)


class Mixed(nn.Module):
    """A convolution, a LayerNorm and an attention."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 4)
        self.conv = nn.Conv1d(4, 6, 3)
        self.norm = nn.LayerNorm(6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.proj = nn.Linear(6, 2)

    def forward(self, ids):
        x = torch.relu(self.conv(F.pad(self.embedding(ids).mT, (2, 0)))).mT
        x = self.norm(x)
        x, _ = self.attention(x, x, x)
        return self.proj(x.mean(1)).softmax(-1)


expected = {}
for network in (Chain(), Stacked(), Mixed()):
    name = f"torch-{type(network).__name__.lower()}"
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                value = torch.randn(tensor.shape) * 0.5
                value = value.abs() + 0.5 if key.endswith("running_var") else value
                # Numbers that the file of half precision has as well.
                tensor.copy_(value.bfloat16())
    network.eval()
    ids = torch.randint(0, VOCABULARY, (5, TIME))
    files = {name: network.state_dict()}
    if isinstance(network, Chain):
        files["torch-bfloat16"] = {key: tensor.bfloat16() for key, tensor in network.state_dict().items()}
    for file, state in files.items():
        content = gzip.compress(save({key: tensor.contiguous() for key, tensor in state.items()}), 9, mtime=0)
        (FILES / f"{file}.safetensors.gz").write_bytes(content)
        expected[file] = {"ids": ids.tolist(), "out": network(ids).ravel().tolist()}
(FILES / "torch-expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
