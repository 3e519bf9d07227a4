"""Trains presets that make their own data for a few steps, exports them to PyTorch, and imports them again.

    python presets_torch.py UNROLLED [PRESET …]

example.py compares with what `unrolled` predicts; texts are compared with `unrolled predict` as well, as a user does.
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

PRESETS = ["word-order", "word-order-dense", "word-order-bilstm", "word-order-conv1d", "word-order-attention",
           "word-order-attention-alone", "copy-memory", "reber-grammar", "vanishing-rnn", "vanishing-lstm",
           "vanishing-gru", "temporal-order", "adding-problem", "sine-forecast"]
TEXTS = ["not bad, good", "not good bad", "", "no such word at all", "good " * 60]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def script(folder):
    """example.py as a module: it loads the network and predicts nothing."""
    sys.path.insert(0, str(folder))
    sys.modules.pop("model", None)
    spec = importlib.util.spec_from_file_location("example", folder / "example.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module


def compare(program, preset, folder):
    run(program, "train", preset, "--headless", "--run", folder / "run", "--set", "train.epochs=1", "--set", "data.train=200")
    run(program, "export", folder / "run", "--torch", folder / "torch")
    result = run(sys.executable, folder / "torch" / "example.py").strip()
    weights = load_file(folder / "torch" / "model.safetensors")
    # Biases that are 0 would not show where they go. PyTorch's second one is.
    zero = [name for name, tensor in weights.items() if "bias" in name and "bias_hh" not in name and not tensor.any()]
    assert not zero, zero
    run(program, "import", folder / "torch" / "model.safetensors", "--as", preset, "--run", folder / "imported")
    run(program, "export", folder / "imported", "--torch", folder / "again")
    for name in ["model.py", "model.safetensors", "answers.json"]:
        assert (folder / "again" / name).read_bytes() == (folder / "torch" / name).read_bytes(), name
    module = script(folder / "torch")
    labels = folder / "torch" / "labels.json"
    answers = json.loads((folder / "torch" / "answers.json").read_text())["cases"]
    if not labels.exists() or len(answers[0]["output"]) > 8 or not hasattr(module, "encode"):
        return result
    worst = 0.0
    for of in ["run", "imported"]:
        for text, line in zip(TEXTS, run(program, "predict", folder / of, "--json", *TEXTS).splitlines(), strict=True):
            ours = json.loads(line)["probabilities"]
            row = module.network.predict(torch.tensor([module.encode(text)]))[0].tolist()
            row = [1 - row[0], row[0]] if len(row) == 1 else row
            worst = max(worst, *(abs(ours[label] - p) for label, p in zip(json.loads(labels.read_text()), row)))
    assert worst < 1e-6, worst
    return f"{result}; of predictions {worst:.1e}"


program, presets = pathlib.Path(sys.argv[1]).absolute(), sys.argv[2:] or PRESETS
for preset in presets:
    with tempfile.TemporaryDirectory() as folder:
        print(f"{preset}: {compare(program, preset, pathlib.Path(folder))}", flush=True)
