"""Runs every NAME.onnx of a folder in ONNX Runtime on the data of NAME.json and compares: python check_onnx.py FOLDER [NAME …]

`python check_onnx.py --presets UNROLLED [PRESET …]` trains presets that make their own data for a few steps, exports them as a user does, and
compares `predict_onnx.py` with `unrolled predict`.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

PRESETS = ["word-order", "word-order-dense", "word-order-bilstm", "word-order-conv1d", "word-order-attention",
           "word-order-attention-alone", "copy-memory", "reber-grammar", "vanishing-rnn", "vanishing-lstm",
           "vanishing-gru", "temporal-order", "adding-problem", "sine-forecast"]
TEXTS = ["not bad, good", "not good bad", "", "no such word at all", "good " * 60]
TYPES = {"tensor(int32)": "int32", "tensor(float)": "float32", "tensor(double)": "float64"}


def inputs_of(session, case):
    """The data by the names of the inputs, and states of zeros."""
    x = np.array(case["x"]).reshape(case["shape"])
    data = [x[:, i] for i in range(x.shape[1])] if case["channels"] else [x]
    feeds = {}
    for i, given in enumerate(session.get_inputs()):
        value = data[i] if i < len(data) else np.zeros((len(x), given.shape[1]))
        feeds[given.name] = value.astype(TYPES[given.type])
    return feeds


def difference(out, expected, time):
    """The greatest difference, and the greatest that is allowed.

    Sums of single precision in another order: an error relative to the numbers, and more of it over long sequences.
    """
    scale = max(1.0, float(np.abs(out).max()))
    worst = float(np.abs(out.ravel() - np.array(expected, "float32")).max())
    return worst / scale, 1e-5 if time >= 200 else 1e-6


def check(folder, name):
    onnx.checker.check_model(folder / f"{name}.onnx", full_check=True)
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
    names = [output.name for output in session.get_outputs()]
    case = json.loads((folder / f"{name}.json").read_text())
    worst = 0.0

    def compare(what, out, expected, time):
        nonlocal worst
        found, limit = difference(out, expected, time)
        worst = max(worst, found)
        assert found <= limit, f"{what}: {found:.1e}"

    feeds, time = inputs_of(session, case), case["shape"][-1 if case["channels"] else 1]
    out, *states = session.run(names, feeds)
    compare("all", out, case["out"], time)
    # Each alone: a batch of one empty sequence as well.
    rows = [session.run(names[:1], {k: v[i : i + 1] for k, v in feeds.items()})[0] for i in range(len(out))]
    compare("alone", np.concatenate(rows), case["out"], time)
    if case["again"]:
        feeds |= {name.removesuffix(".next"): state for name, state in zip(names[1:], states)}
        compare("again", session.run(names[:1], feeds)[0], case["again"], time)
    if case["longer"] and isinstance(session.get_inputs()[0].shape[1], str):
        feeds, time = inputs_of(session, case["longer"]), time + 3
        compare("longer", session.run(names[:1], feeds)[0], case["longer"]["out"], time)
    return worst


def check_folder(folder, names):
    failures, worst = [], 0.0
    names = names or sorted(path.stem for path in folder.glob("*.onnx"))
    for name in names:
        try:
            worst = max(worst, check(folder, name))
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {str(error)[:600]}")
    print(f"{len(names)} networks in ONNX Runtime {onnxruntime.__version__}, {len(failures)} differ; "
          f"greatest difference {worst:.1e}")
    print("\n".join(failures))
    return bool(failures) or not names


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options).stdout


def check_preset(program, preset, folder):
    run(program, "train", preset, "--headless", "--run", folder / "run", "--set", "train.epochs=1", "--set", "data.train=200")
    run(program, "export", folder / "run", "--onnx", folder / "model.onnx")
    onnx.checker.check_model(folder / "model.onnx", full_check=True)
    spec = importlib.util.spec_from_file_location("predict_onnx", folder / "predict_onnx.py")
    module = importlib.util.module_from_spec(spec)
    sys.argv = ["predict_onnx.py"]
    try:
        spec.loader.exec_module(module)  # without arguments it predicts nothing
    except IndexError:
        pass
    first = module.session.get_inputs()[0]
    if "unrolled.labels" not in module.metadata or len(module.session.get_outputs()[0].shape) != 2 or not hasattr(module, "encode"):
        x = np.ones([size if isinstance(size, int) else 5 for size in first.shape], TYPES[first.type])
        out = module.predict(**{first.name: x})
        assert np.isfinite(out).all()
        return f"runs, output {out.shape}"
    lines = run(program, "predict", folder / "run", "--json", *TEXTS).splitlines()
    ours = [json.loads(line)["probabilities"] for line in lines]
    theirs = module.predict(**{first.name: np.array([module.encode(text) for text in TEXTS], "int32")})
    labels = json.loads(module.metadata["unrolled.labels"])
    rows = [[1 - row[0], row[0]] if len(row) == 1 else row for row in theirs]
    worst = max(abs(o[label] - float(p)) for o, row in zip(ours, rows) for label, p in zip(labels, row))
    assert worst < 1e-6, worst
    printed = run(sys.executable, folder / "predict_onnx.py", *TEXTS)
    assert all(label in printed for label in labels), printed
    return f"greatest difference {worst:.1e}"


if sys.argv[1] == "--presets":
    program = os.path.abspath(sys.argv[2])
    for preset in sys.argv[3:] or PRESETS:
        with tempfile.TemporaryDirectory() as folder:
            print(preset, check_preset(program, preset, pathlib.Path(folder)), flush=True)
else:
    sys.exit(check_folder(pathlib.Path(sys.argv[1]), sys.argv[2:]))
