"""Imports networks that others have published, and compares predictions with Keras 2: python public.py UNROLLED FILE.h5 …

UNROLLED is the program. The files are classifiers of token ids by `model.save` of Keras 1 or 2: those in the packages ethnicolr 0.9.1 (13) and
asmscan-bilstm 1.0.0 (6) are some. Of each it predicts full, padded and empty rows, and one of unknown tokens alone. Besides requirements.txt it
needs tf_keras==2.21.0, which still reads such files.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras as keras

program, files = pathlib.Path(sys.argv[1]).resolve(), sorted(map(pathlib.Path, sys.argv[2:]))
rng = np.random.default_rng(5)
worst, failures = 0.0, []
for file in files:
    model = keras.models.load_model(file, compile=False)
    time = model.input_shape[1]
    entries = next(layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)).input_dim
    lengths = [time, time // 2, 1, time - 1, 3, 0, time, 5]
    ids = np.zeros((len(lengths), time), "int32")
    for row, length in zip(ids, lengths):
        row[time - length :] = rng.integers(1, entries, length)
    ids[6] = 1
    words = ["", "[UNK]"] + [f"w{i}" for i in range(2, entries)]
    # No word of the vocabulary is `unknown`.
    texts = [" ".join(words[i] if i > 1 else "unknown" for i in row if i) for row in ids]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, run = pathlib.Path(folder) / "vocabulary.json", f"{folder}/run"
        vocabulary.write_text(json.dumps(words))
        import_ = [program, "import", file, "--run", run, "--vocabulary", vocabulary]
        done = subprocess.run(import_, capture_output=True, text=True)
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        if done.returncode == 0:
            predict = [program, "predict", run, "--jsonl", "--json"]
            done = subprocess.run(predict, input=lines, capture_output=True, text=True)
    if done.returncode:
        failures.append(f"{file.name}: {done.stderr.strip()}")
        continue
    found = [json.loads(line)["probabilities"] for line in done.stdout.splitlines()]
    ours = np.array([[row[label] for label in sorted(row, key=int)] for row in found])
    theirs = np.asarray(model(ids))
    if theirs.shape[1] == 1:
        ours = ours[:, 1:]
    difference = float(np.abs(ours - theirs).max())
    worst = max(worst, difference)
    print(f"{file.name}: {difference:.1e}")
    if not difference <= 1e-5:
        failures.append(f"{file.name}: {difference:.1e}")
print(f"{len(files)} files, {len(failures)} differ; greatest difference {worst:.1e}")
print("\n".join(failures))
sys.exit(bool(failures) or not files)
