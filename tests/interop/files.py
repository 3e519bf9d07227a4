"""Writes the files that tests/interop.rs reads: python files.py [NAME …]

h5py.h5      one of every form of HDF5 that src/interop/hdf5 reads and does not write itself
*.keras, *.weights.h5, *.h5   small networks with random weights, by Keras 3
keras2*.h5   the same by Keras 2 (tf_keras)
expected.json   for each file token ids, and what the network predicted of them

All but the last are compressed, as HDF5 leaves much space between its parts. Keras 2 needs tf_keras==2.21.0 besides requirements.txt.
"""

import gzip
import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

FILES = pathlib.Path(__file__).parent / "files"
TIME, VOCABULARY = 7, 9
rng = np.random.default_rng(3)


def counting(*shape, dtype="float32"):
    return (np.arange(np.prod(shape)) / 4).reshape(shape).astype(dtype)


def h5py_file():
    import h5py

    with h5py.File(FILES / "h5py.h5", "w") as f:
        f.attrs["model_config"] = '{"a": "%s"}' % ("é" * 900)
        f.attrs["layer_names"] = ["lstm", "", "dense_1"]
        f.attrs["fixed"] = np.array([b"lstm/kernel:0", b"lstm/bias:0"])
        f.attrs["number"] = 3
        plain = f.create_group("plain")
        for kind in ("float16", "float32", "float64"):
            plain[kind] = counting(2, 3, dtype=kind)
        plain["int32"] = np.arange(-2, 2, dtype="int32")
        plain["scalar"] = np.float32(2.5)
        chunks = f.create_group("chunks")
        x = counting(7, 5, 3)
        chunks.create_dataset("gzip", data=x, chunks=(3, 2, 3), compression="gzip")
        chunks.create_dataset("shuffle", data=x, chunks=(4, 5, 2), compression="gzip", shuffle=True, fletcher32=True)
        chunks.create_dataset("plain", data=x, chunks=(7, 2, 1))
        many = f.create_group("many")
        for i in range(40):
            many[f"layer_{i}"] = np.float32([i])
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        data = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, space, compact)
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, counting(3))


def chain(keras, **gates):
    L = keras.layers
    return keras.Sequential([
        keras.Input((TIME,), dtype="int32", name="tokens"),
        L.Embedding(VOCABULARY, 4, mask_zero=True),
        L.SpatialDropout1D(0.2),
        L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=0.1, **gates)),
        L.GRU(3, reset_after=not gates, kernel_regularizer="l2", **gates),
        L.Dropout(0.1),
        L.Dense(1, activation="sigmoid"),
    ], name="chain")


def mixed(keras):
    L = keras.layers
    return keras.Sequential([
        keras.Input((TIME,), dtype="int32", name="tokens"),
        L.Embedding(VOCABULARY, 4),
        L.Conv1D(5, 3, padding="causal", activation="relu"),
        L.BatchNormalization(),
        L.MaxPooling1D(2),
        L.LayerNormalization(),
        L.SimpleRNN(4, return_sequences=True),
        L.TimeDistributed(L.Dense(3, activation="tanh")),
        L.LSTM(4, recurrent_initializer="glorot_uniform", kernel_constraint=keras.constraints.MaxNorm(3)),
        L.Dense(3, activation="softmax"),
    ], name="mixed")


def branches(keras):
    """A Functional whose layers have another order than they are declared in, with masks."""
    L = keras.layers
    tokens = keras.Input((TIME,), dtype="int32", name="tokens")
    words = L.Embedding(VOCABULARY, 4, mask_zero=True, name="words")(tokens)
    short = L.GRU(4, return_sequences=True, name="short")(words)
    deep = L.GRU(4, return_sequences=True, name="first")(words)
    deep = L.GRU(4, return_sequences=True, name="second")(deep)
    both = L.Concatenate(name="both")([short, deep])
    both = L.MultiHeadAttention(2, 3, name="attention")(both, both)
    both = L.Bidirectional(L.SimpleRNN(2), merge_mode="sum", name="reader")(both)
    return keras.Model(tokens, L.Dense(2, activation="softmax", name="answer")(both), name="branches")


def cells(keras):
    """Recurrent layers that are written with their cells, and normalizations of sequences and of vectors."""
    L = keras.layers
    return keras.Sequential([
        keras.Input((TIME,), dtype="int32", name="tokens"),
        L.Embedding(VOCABULARY, 4, mask_zero=True),
        L.RNN(L.LSTMCell(3, dropout=0.1), return_sequences=True),
        L.BatchNormalization(),
        L.RNN(L.GRUCell(4)),
        L.BatchNormalization(),
        L.Dense(3, activation="softmax"),
    ], name="cells")


def randomise(model):
    for weight in model.weights:
        value = rng.normal(0, 0.5, weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.name else value)
    return model


def answer(model):
    ids = rng.integers(1, VOCABULARY, (5, TIME)).astype("int32")
    for row, padding in enumerate([0, 3, 6, 7, 1]):
        ids[row, :padding] = 0
    return {"ids": ids.tolist(), "out": np.asarray(model(ids)).ravel().astype(float).tolist()}


def keras_3(expected):
    import keras

    for build in (chain, mixed, branches):
        model = randomise(build(keras))
        name = build.__name__
        model.save(FILES / f"{name}.keras")
        model.save(FILES / f"{name}.h5")
        expected[f"{name}.keras"] = expected[f"{name}.h5"] = answer(model)
        if build is chain:
            model.save_weights(FILES / f"{name}.weights.h5")


def keras_2(expected):
    import tf_keras as keras

    model = randomise(chain(keras, recurrent_activation="hard_sigmoid"))
    model.save(FILES / "keras2.h5")
    expected["keras2.h5"] = answer(model)
    model = randomise(branches(keras))
    model.save(FILES / "keras2-branches.h5")
    expected["keras2-branches.h5"] = answer(model)


def keras_cells(expected):
    import keras
    import tf_keras

    for version, name in ((keras, "cells"), (tf_keras, "keras2-cells")):
        model = randomise(cells(version))
        for ending in ("keras", "h5") if version is keras else ("h5",):
            model.save(FILES / f"{name}.{ending}")
            expected[f"{name}.{ending}"] = answer(model)


names = sys.argv[1:] or ["h5py", "keras_3", "keras_2", "cells"]
if "h5py" in names:
    h5py_file()
path = FILES / "expected.json"
expected = json.loads(path.read_text()) if path.exists() else {}
if "keras_3" in names:
    keras_3(expected)
if "keras_2" in names:
    keras_2(expected)
if "cells" in names:
    keras_cells(expected)
path.write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
for file in list(FILES.iterdir()):
    if file.suffix in (".h5", ".keras"):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
        file.unlink()
