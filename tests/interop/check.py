"""Loads every NAME.keras of a folder in Keras, predicts the data of NAME.json and compares; saves it with other weights as
saved/NAME.keras, and what it then predicts as saved/NAME.json: python check.py FOLDER [NAME …]"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

folder = pathlib.Path(sys.argv[1])
names = sys.argv[2:] or sorted(path.stem for path in folder.glob("*.keras"))


def predict(model, case, x):
    """What a network predicts for rows of data, with the activation that its loss has."""
    inputs = [x[:, i] for i in range(x.shape[1])] if case["channels"] else [x]
    inputs = [i.astype(t.dtype) for i, t in zip(inputs, model.inputs)]
    if model.inputs[0].shape[0] == 1:
        rows = []
        for i in range(len(x)):
            for layer in model.layers:
                if getattr(layer, "stateful", False):
                    layer.reset_state()
            rows.append(np.asarray(model([a[i : i + 1] for a in inputs] if len(inputs) > 1 else inputs[0][i : i + 1])))
        out = np.concatenate(rows)
    else:
        out = np.asarray(model(inputs if len(inputs) > 1 else inputs[0]))
    return np.asarray(getattr(keras.activations, case["logits"])(out)) if case["logits"] else out


(folder / "saved").mkdir(exist_ok=True)
failures, worst = [], 0.0
for name in names:
    case = json.loads((folder / f"{name}.json").read_text())
    try:
        model = keras.saving.load_model(folder / f"{name}.keras")
        x = np.array(case["x"]).reshape(case["shape"])
        out = predict(model, case, x)
        difference = float(np.abs(out.ravel() - np.array(case["out"], "float32")).max())
        # Sums of single precision in another order: an error relative to the numbers, and more of it over long sequences.
        scale = max(1.0, float(np.abs(out).max()))
        tolerance = 1e-5 if x.shape[1] >= 200 and not case["channels"] else 1e-6
        worst = max(worst, difference / scale)
        if not difference <= tolerance * scale:
            failures.append(f"{name}: {difference:.1e} of {scale:.1e}")
        for weight in model.trainable_weights:
            # No two of them alike, no bias 0.
            value = np.asarray(weight)
            weight.assign(0.9 * value + 0.02 * np.sin(np.arange(value.size) + 1).reshape(value.shape))
        model.save(folder / "saved" / f"{name}.keras")
        out = [float(value) for value in predict(model, case, x).ravel()]
        (folder / "saved" / f"{name}.json").write_text(json.dumps({"out": out, "tolerance": tolerance}))
    except Exception as error:
        failures.append(f"{name}: {type(error).__name__}: {str(error)[:600]}")
    if len(failures) > 20:
        break
print(f"{len(names)} networks in Keras {keras.__version__}, {len(failures)} differ; greatest difference {worst:.1e}")
print("\n".join(failures))
sys.exit(bool(failures) or not names)
