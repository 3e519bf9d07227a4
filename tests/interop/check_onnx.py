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


def train(program, preset, folder, *settings):
    """Trains a preset and exports it; the script beside the model, without its arguments: it predicts nothing."""
    settings = [word for setting in settings for word in ("--set", setting)]
    run(program, "train", preset, "--headless", "--run", folder / "run", *settings)
    run(program, "export", folder / "run", "--onnx", folder / "model.onnx")
    onnx.checker.check_model(folder / "model.onnx", full_check=True)
    spec = importlib.util.spec_from_file_location("predict_onnx", folder / "predict_onnx.py")
    module = importlib.util.module_from_spec(spec)
    sys.argv = ["predict_onnx.py"]
    try:
        spec.loader.exec_module(module)
    except IndexError:
        pass
    return module


def check_preset(program, preset, folder):
    module = train(program, preset, folder, "train.epochs=1", "data.train=200")
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


SERIES = """
title: "A series"
data: {source: series, path: series.csv, values: [a, b], targets: [b], window: 8, horizon: 5, %s}
model: [{layer: GRU, units: 4}, {layer: Dense, units: 5}]
train: {loss: mean_squared_error, optimizer: {name: Adam}, batch_size: 16, epochs: 2}
"""


def check_series(program, transform, folder):
    """Forecasts in the units of the series, of numbers that are great beside their changes."""
    rows = [[1000 + t + 20 * np.sin(t / 3), 1e5 + 100 * np.cos(t / 4) + 30 * (t % 5)] for t in range(150)]
    lines = [f"{2000 + t // 12}-{t % 12 + 1:02}-01,{a:.3f},{b:.3f}" for t, (a, b) in enumerate(rows)]
    (folder / "series.csv").write_text("\n".join(["date,a,b", *lines]) + "\n")
    (folder / "series.yaml").write_text(SERIES % transform)
    module = train(program, folder / "series.yaml", folder)
    answer = json.loads(run(program, "predict", folder / "run", "--json").splitlines()[0])
    ours = np.array([row["values"]["b"] for row in answer["forecast"]])
    numbers = np.array([[float(x) for x in line.split(",")[1:]] for line in lines])
    first = module.session.get_inputs()[0]
    theirs = module.predict(**{first.name: numbers[np.newaxis, -(8 + LAGS[transform]):]})
    assert theirs.shape == (1, 5, 1), theirs.shape
    worst = float(np.abs(theirs[0, :, 0] / ours - 1).max())
    assert worst < 1e-6, worst
    (folder / "rows.csv").write_text("\n".join(",".join(line.split(",")[1:]) for line in lines) + "\n")
    printed = run(sys.executable, folder / "predict_onnx.py", folder / "rows.csv")
    assert len(printed.split("[")) == 7, printed
    return f"greatest relative difference {worst:.1e}"


LAGS = {"log: false": 0, "log: true, difference: true": 1, "difference: 3": 3, "log: true, difference: 7": 7}
SEQUENCES = """
title: "Sequences"
data: {source: sequences, path: train.ts, length: 9, features: 2}
model: [{layer: Masking}, {layer: LSTM, units: 4}, {layer: Dense, units: 1, activation: sigmoid}]
train: {loss: binary_crossentropy, optimizer: {name: Adam}, batch_size: 8, epochs: 2}
"""


def check_sequences(program, folder):
    """Sequences of several lengths: steps of NaN are padding."""
    rng = np.random.default_rng(1)
    rows = [50 + 3 * rng.standard_normal((2, 3 + n % 7)).round(3) for n in range(40)]
    header = "@problemName x\n@timeStamps false\n@univariate false\n@equalLength false\n@classLabel true yes no\n@data\n"
    line = lambda n, row: ":".join(",".join(map(str, values)) for values in row) + (":yes" if n % 2 else ":no")
    (folder / "train.ts").write_text(header + "\n".join(line(n, row) for n, row in enumerate(rows)) + "\n")
    (folder / "sequences.yaml").write_text(SEQUENCES)
    module = train(program, folder / "sequences.yaml", folder)
    lines = run(program, "predict", folder / "run", "--json", folder / "train.ts").splitlines()
    labels = json.loads(module.metadata["unrolled.labels"])
    ours = np.array([json.loads(line)["probabilities"][labels[1]] for line in lines])
    x = np.full((len(rows), 9, 2), np.nan)
    for to, row in zip(x, rows):
        to[: row.shape[1]] = row.T
    theirs = module.predict(**{module.session.get_inputs()[0].name: x})[:, 0]
    worst = float(np.abs(ours - theirs).max())
    assert worst < 1e-6, worst
    return f"greatest difference {worst:.1e}"


LANGUAGE = """
title: "Language"
data: {source: text, path: text.txt}
tokens: {level: character, vocabulary: 40, length: 12}
model:
  - {layer: Embedding, output_dim: 6}
  - {layer: LSTM, units: 8, return_sequences: true, stateful: true}
  - {layer: Dense, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam}, batch_size: 8, epochs: 1}
"""


def check_language(program, folder):
    """A text token by token, with the states of the token before, is the text at once."""
    (folder / "text.txt").write_text("To be, or not to be: that is the question.\n" * 120)
    (folder / "language.yaml").write_text(LANGUAGE)
    module = train(program, folder / "language.yaml", folder)
    ids = np.array([module.prompt("to be or not, that is")], "int32")
    whole = module.predict(tokens=ids)[0]
    names = [output.name for output in module.session.get_outputs()]
    assert len(names) == 3, names
    states, worst = {name.removesuffix(".next"): np.zeros((1, 8), "float32") for name in names[1:]}, 0.0
    for t in range(ids.shape[1]):
        out, *next_states = module.session.run(names, {"tokens": ids[:, t : t + 1], **states})
        states = dict(zip(states, next_states))
        worst = max(worst, float(np.abs(out[0, 0] - whole[t]).max()))
    assert worst < 1e-6, worst
    assert "[(" in run(sys.executable, folder / "predict_onnx.py", "to be")
    return f"greatest difference {worst:.1e}"


if sys.argv[1] == "--presets":
    program = os.path.abspath(sys.argv[2])
    for preset in sys.argv[3:] or PRESETS:
        with tempfile.TemporaryDirectory() as folder:
            print(preset, check_preset(program, preset, pathlib.Path(folder)), flush=True)
    for transform in [] if sys.argv[3:] else LAGS:
        with tempfile.TemporaryDirectory() as folder:
            print("series,", transform, check_series(program, transform, pathlib.Path(folder)), flush=True)
    for check in [] if sys.argv[3:] else [check_sequences, check_language]:
        with tempfile.TemporaryDirectory() as folder:
            print(check.__name__, check(program, pathlib.Path(folder)), flush=True)
else:
    sys.exit(check_folder(pathlib.Path(sys.argv[1]), sys.argv[2:]))
