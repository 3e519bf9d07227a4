"""Trains presets that make their own data for a few steps, exports them and compares Keras with `unrolled predict`.

    python presets.py UNROLLED [PRESET …]
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

PRESETS = ["word-order", "word-order-dense", "word-order-bilstm", "word-order-conv1d", "word-order-attention",
           "word-order-attention-alone", "copy-memory", "reber-grammar", "vanishing-rnn", "vanishing-lstm",
           "vanishing-gru", "temporal-order", "adding-problem", "sine-forecast"]
TEXTS = ["not bad, good", "not good bad", "", "no such word at all", "good " * 60]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options).stdout


def load(script):
    """The script with a text: it loads the model, and then predicts, or fails where it expects something else."""
    spec = importlib.util.spec_from_file_location("load_in_keras", script)
    module = importlib.util.module_from_spec(spec)
    sys.argv = [str(script), TEXTS[0]]
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # not its kind of data
        print("   ", type(error).__name__, str(error)[:80])
    return module


def compare(program, preset, folder):
    run(program, "train", preset, "--headless", "--run", folder / "run", "--set", "train.epochs=1", "--set", "data.train=200")
    run(program, "export", folder / "run", "--keras", folder / "model.keras")
    module = load(folder / "load_in_keras.py")
    model = module.model
    if not (folder / "labels.json").exists() or len(model.output_shape) != 2 or not hasattr(module, "encode"):
        inputs = [np.ones([2] + [n or 5 for n in i.shape[1:]], i.dtype) for i in model.inputs]
        out = module.predict(*inputs)
        assert np.isfinite(out).all()
        return f"loads, output {model.output_shape}"
    lines = run(program, "predict", folder / "run", "--json", *TEXTS).splitlines()
    ours = [json.loads(line)["probabilities"] for line in lines]
    theirs = module.predict(np.array([module.encode(text) for text in TEXTS], "int32"))
    labels = json.loads((folder / "labels.json").read_text())
    rows = [[1 - row[0], row[0]] if len(row) == 1 else row for row in theirs]
    worst = max(abs(o[label] - float(p)) for o, row in zip(ours, rows) for label, p in zip(labels, row))
    assert worst < 1e-6, worst
    return f"greatest difference {worst:.1e}"


# The scripts have arguments of their own.
program, presets = pathlib.Path(sys.argv[1]).absolute(), sys.argv[2:] or PRESETS
for preset in presets:
    with tempfile.TemporaryDirectory() as folder:
        print(preset, compare(program, preset, pathlib.Path(folder)), flush=True)
