#!/usr/bin/env python3
"""Times a sweep of the lecture's first network over 24 settings and 3 seeds beside a loop over Keras.

    python3 -m venv .venv && .venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0
    .venv/bin/python python/sweep_beside_keras.py TRAIN.csv TEST.csv [--unrolled target/release/unrolled] [--keras-trials 1]

Both files have the columns text and label (the Large Movie Review Dataset). `unrolled sweep` runs whole: all 72 trainings of four
epochs, each of which reads the files. Of Keras one training is measured, in a process of its own: reading and vectorizing once, and
compiling, fitting and validating; the time of the loop is computed from it as reading + 72 trainings, and printed as computed.
Nothing else should run. Prints the figures as one line of JSON.
"""
import argparse, csv, json, os, pathlib, subprocess, sys, tempfile, time

UNITS, DIMENSIONS, RATES, SEEDS, EPOCHS = (4, 8, 16), (25, 50), (5e-4, 1e-3, 2e-3, 4e-3), (1, 2, 3), 4
TRIALS = len(UNITS) * len(DIMENSIONS) * len(RATES) * len(SEEDS)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("train", type=pathlib.Path)
parser.add_argument("test", type=pathlib.Path)
parser.add_argument("--unrolled", default="target/release/unrolled")
parser.add_argument("--keras-trials", type=int, default=1, help="trainings of Keras that are measured")
parser.add_argument("--keras-only", action="store_true", help=argparse.SUPPRESS)
arguments = parser.parse_args()


def keras_times():
    """Seconds of reading and vectorizing both files, and of each training, with the middle setting of the sweep."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start = time.perf_counter()
    import keras
    import numpy as np
    from keras import layers

    def read(path):
        csv.field_size_limit(1 << 24)
        rows = list(csv.DictReader(open(path, encoding="utf-8", newline="")))
        return [row["text"] for row in rows], np.array([row["label"] == "positive" for row in rows], "float32")

    (texts, labels), (test_texts, test_labels) = read(arguments.train), read(arguments.test)
    vectorize = layers.TextVectorization(max_tokens=10_000)
    vectorize.adapt(texts)

    def last_200(texts):
        ids = np.zeros((len(texts), 200), "int32")
        for first in range(0, len(texts), 1000):
            for row, found in enumerate(vectorize(np.array(texts[first : first + 1000], dtype=object)).numpy()):
                kept = found[found != 0][-200:]
                ids[first + row, 200 - len(kept) :] = kept
        return ids

    train, test = (last_200(texts), labels), (last_200(test_texts), test_labels)
    reading, trials = time.perf_counter() - start, []
    for seed in range(arguments.keras_trials):
        start = time.perf_counter()
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([layers.Embedding(10_000, 50), layers.SimpleRNN(8), layers.Dense(1, activation="sigmoid")])
        model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
        fitted = model.fit(*train, batch_size=128, epochs=EPOCHS, validation_data=test, validation_batch_size=1000, verbose=0)
        trials.append({"seconds": time.perf_counter() - start, "val_accuracy": max(fitted.history["val_accuracy"])})
        keras.backend.clear_session()
    return {"reading_seconds": reading, "trials": trials}


if arguments.keras_only:
    print(json.dumps(keras_times()))
    sys.exit()

with tempfile.TemporaryDirectory() as folder:
    run = pathlib.Path(folder) / "sweep"
    command = [arguments.unrolled, "sweep", "lecture-rnn8", "--run", str(run), "--data", str(arguments.train.resolve())]
    command += ["--set", f"data.validation.path={arguments.test.resolve()}", "--set", f"train.epochs={EPOCHS}"]
    for key, values in (("model.0.output_dim", DIMENSIONS), ("model.1.units", UNITS), ("train.optimizer.learning_rate", RATES)):
        command += ["--grid", f"{key}=" + ",".join(str(value) for value in values)]
    command += ["--seeds", f"{SEEDS[0]}..{SEEDS[-1]}"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    sweep_seconds = time.perf_counter() - start
    lines = subprocess.run(
        [arguments.unrolled, "sweep", "status", str(run), "--json"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()
    states = [json.loads(line)["state"] for line in lines]
    assert states == ["finished"] * TRIALS, states

keras = json.loads(
    subprocess.run([sys.executable, *sys.argv, "--keras-only"], check=True, stdout=subprocess.PIPE, text=True).stdout
)
one = sum(trial["seconds"] for trial in keras["trials"]) / len(keras["trials"])
computed = keras["reading_seconds"] + TRIALS * one
print(json.dumps({
    "trials": TRIALS,
    "sweep_seconds": round(sweep_seconds, 1),
    "keras_reading_seconds": round(keras["reading_seconds"], 1),
    "keras_seconds_a_trial": round(one, 1),
    "keras_loop_seconds_computed": round(computed),
    "ratio": round(computed / sweep_seconds, 1),
}))
