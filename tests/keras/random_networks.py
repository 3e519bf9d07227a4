#!/usr/bin/env python3
"""Draws random networks over all layers and computes Keras 3's answers for them in float64.

    KERAS_BACKEND=tensorflow .venv/bin/python random_networks.py --out random [--first 0] [--count 250]

All go into two files: `OUT.jsonl`, a network a line as `generate.py` writes it, and `OUT.safetensors`, tensors named
`NUMBER/NAME` as there, in float32 (inputs and weights are rounded to float32 before Keras reads them). Beyond `generate.py`:
  data.batches      how many batches x and y have, one after the other: they are read in order, and stateful layers carry their
                    states from each to the next; out, loss, g, h and dh are those of the last. The five steps begin again with
                    zero states and take the batches in turn
  out5              the output for the first batch in inference after the five steps, with zero states
  data.inference    only `out5` is there: noise and dropout make training random
Every layer but the recurrent ones is Keras's own, called in order, with the masks that Keras attaches to its tensors; recurrent layers
are unrolled by hand, so that every hidden state is a tensor, and checked against Keras's own, output, loss and gradients.
"""
import argparse, json, os, pathlib, random
os.environ.setdefault("KERAS_BACKEND", "tensorflow"); os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3"); os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import warnings; warnings.filterwarnings("ignore")
import numpy as np, keras, tensorflow as tf
from keras import layers as L
from keras.src import backend
from safetensors.numpy import save_file
keras.config.set_floatx("float64")

RECURRENT = ("SimpleRNN", "LSTM", "GRU")
MERGES = ("Add", "Multiply", "Average", "Maximum")
SELF = {"SelfAttention": L.Attention, "SelfAdditiveAttention": L.AdditiveAttention, "SelfMultiHeadAttention": L.MultiHeadAttention}

class Network:
    """A network as it grows: layers so far, the shape of the last ([time, features] or [features]), and whether a mask reaches it."""
    def __init__(self, r, data):
        self.r, self.data, self.layers, self.shape, self.masked = r, data, [], None, False

    def add(self, cls, shape=None, masked=None, **kw):
        self.layers.append([cls, kw])
        if shape is not None: self.shape = shape
        if masked is not None: self.masked = masked
        return len(self.layers) - 1

    def penalty(self, kw, *names):
        """Regularizers for some of the weights `names`."""
        for name in names:
            if self.r.random() < 0.12:
                kw[f"{name}_regularizer"] = self.r.choice([dict(class_name="L1", config=dict(l1=0.01)), dict(class_name="L2", config=dict(l2=0.02)),
                                                           dict(class_name="L1L2", config=dict(l1=0.01, l2=0.02))])
        return kw

    def cell(self, sequences, stateful):
        r = self.r; cls = r.choice(RECURRENT)
        kw = dict(units=r.randint(2, 4), return_sequences=sequences)
        if r.random() < 0.2: kw["activation"] = r.choice(["relu", "sigmoid", "linear"] if cls != "SimpleRNN" else ["sigmoid"])
        if r.random() < 0.15: kw["use_bias"] = False
        if cls == "GRU" and r.random() < 0.4: kw["reset_after"] = False
        if cls == "LSTM" and r.random() < 0.2: kw["unit_forget_bias"] = False
        if cls != "SimpleRNN" and r.random() < 0.2: kw["recurrent_activation"] = "hard_sigmoid"
        if stateful: kw["stateful"] = True
        names = ["kernel", "recurrent"] + (["bias"] if kw.get("use_bias", True) else [])
        return cls, self.penalty(kw, *names)

    def recurrent(self, sequences):
        stateful = self.data["batches"] > 1 and self.r.random() < 0.8
        cls, kw = self.cell(sequences, stateful); units = kw["units"]
        if self.r.random() < 0.3:
            mode = self.r.choice(["concat", "sum", "ave", "mul"]); width = 2 * units if mode == "concat" else units
            self.add("Bidirectional", layer=[cls, kw], merge_mode=mode)
        else:
            if self.r.random() < 0.2: kw["go_backwards"] = True
            width = units; self.add(cls, **kw)
        self.shape = [self.shape[0], width] if sequences else [width]
        if not sequences: self.masked = False

    def pointwise(self):
        """A layer that keeps rank, time and mask."""
        r = self.r; cls = r.choice(["Dense", "Activation", "LayerNormalization", "BatchNormalization", "TimeDistributed", "Dropout", "GaussianNoise"])
        if cls == "TimeDistributed" and len(self.shape) == 1: cls = "Dense"
        noise = 0.5 if self.data.get("inference") else 0.0
        f = r.choice(["tanh", "relu", "sigmoid", "linear"])
        if cls == "Dense":
            kw = self.penalty(dict(units=r.randint(2, 4), activation=f), "kernel", "bias"); self.add(cls, [*self.shape[:-1], kw["units"]], **kw)
        elif cls == "TimeDistributed":
            inner = r.choice([["Dense", self.penalty(dict(units=r.randint(2, 4), activation=f), "kernel", "bias")], ["LayerNormalization", {}], ["Activation", dict(activation=f)]])
            self.add(cls, [self.shape[0], inner[1].get("units", self.shape[1])], layer=inner)
        elif cls == "Activation": self.add(cls, activation=r.choice([f, "softmax"]))
        elif cls == "Dropout": self.add(cls, rate=noise)
        elif cls == "GaussianNoise": self.add(cls, stddev=noise)
        elif cls == "BatchNormalization":
            kw = {}
            if r.random() < 0.5: kw["momentum"] = r.choice([0.9, 0.6])
            if r.random() < 0.2: kw["scale"] = False
            if r.random() < 0.2: kw["center"] = False
            if r.random() < 0.2: kw["epsilon"] = 0.01
            if r.random() < 0.15: kw["trainable"] = False
            self.add(cls, **kw)
        else: self.add(cls)

    def attention(self):
        cls = self.r.choice(list(SELF))
        if cls == "SelfMultiHeadAttention": self.add(cls, num_heads=self.r.randint(1, 2), key_dim=self.r.randint(2, 3))
        elif cls == "SelfAttention": self.add(cls, use_scale=self.r.random() < 0.5, score_mode=self.r.choice(["dot", "concat"]))
        else: self.add(cls)

    def reshaping(self):
        """A layer that ends a mask; some keep the number of time steps."""
        r, (time, features) = self.r, self.shape
        cls = r.choice(["Conv1D", "Conv1D", "MaxPooling1D", "AveragePooling1D", "ZeroPadding1D", "UpSampling1D", "Permute", "Reshape"])
        if cls == "Conv1D":
            padding = r.choice(["same", "causal"] + (["valid"] if time > 3 else []))
            kw = self.penalty(dict(filters=r.randint(2, 4), kernel_size=r.randint(1, 3), padding=padding, activation=r.choice(["relu", "tanh", "linear"])), "kernel")
            if r.random() < 0.2: kw["strides"] = 2
            elif r.random() < 0.2 and padding != "valid": kw["dilation_rate"] = 2
            span = kw["kernel_size"]; stride = kw.get("strides", 1)
            steps = (time - span) // stride + 1 if padding == "valid" else -(-time // stride)
            self.add(cls, [steps, kw["filters"]], False, **kw)
        elif cls.endswith("Pooling1D"):
            if time < 4: return self.pointwise()
            kw = dict(pool_size=2, padding=r.choice(["valid", "same"]))
            self.add(cls, [time // 2 if kw["padding"] == "valid" else -(-time // 2), features], False, **kw)
        elif cls == "ZeroPadding1D":
            pad = r.choice([1, [0, 2], [2, 1]]); more = 2 * pad if isinstance(pad, int) else sum(pad)
            self.add(cls, [time + more, features], False, padding=pad)
        elif cls == "UpSampling1D":
            if time > 9: return self.pointwise()
            self.add(cls, [2 * time, features], False, size=2)
        elif cls == "Permute": self.add(cls, [features, time], False, dims=[2, 1])
        else:
            sizes = [n for n in range(2, time * features) if time * features % n == 0]
            if not sizes: return self.pointwise()
            steps = r.choice(sizes); shape = [steps, time * features // steps]
            self.add(cls, shape, False, target_shape=r.choice([shape, [-1, shape[1]]]))

    def branch(self):
        """Two or three layers that read the same one, and a layer that merges them."""
        r = self.r; base = len(self.layers) - 1; width = r.randint(2, 3); cls = r.choice([*MERGES, "Concatenate"])
        ends, masks = [], []
        for _ in range(r.choice([2, 2, 3])):
            # Some branches end the mask, some keep it.
            if len(self.shape) == 2 and r.random() < 0.35:
                ends.append(self.add("Conv1D", filters=width, kernel_size=r.randint(1, 2), padding="same", inputs=[base])); masks.append(False)
            elif len(self.shape) == 2 and r.random() < 0.2 and cls != "Concatenate":
                first = self.add("LSTM", units=width, inputs=[base]); ends.append(first); masks.append(False)
            else:
                ends.append(self.add("Dense", units=width, activation=r.choice(["tanh", "linear"]), inputs=[base])); masks.append(self.masked)
        vectors = len(self.shape) == 1 or all(self.layers[e][0] == "LSTM" for e in ends)
        features = width * len(ends) if cls == "Concatenate" else width
        self.add(cls, [features] if vectors else [self.shape[0], features], all(masks), inputs=ends)

    def collapse(self):
        cls = self.r.choice(["recurrent", "recurrent", "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Flatten"])
        if cls == "recurrent": return self.recurrent(False)
        time, features = self.shape
        self.add(cls, [time * features if cls == "Flatten" else features], False)

def attention_with_penalties(i):
    """MultiHeadAttention, Dense and a Conv1D with L1L2: the gradient of the bias of the keys is 0, which an optimizer must not take for more."""
    r = random.Random(i); T = r.randint(4, 7); data = dict(kind="series", batch=3, time=T, batches=1, pad=None, features=3, target="classes", classes=3)
    n = Network(r, data); n.shape = [T, 3]
    n.add("SelfMultiHeadAttention", num_heads=r.randint(1, 3), key_dim=r.randint(2, 4)); n.add("Dense", units=3, activation=r.choice(["tanh", "relu"]))
    n.add("Conv1D", filters=3, kernel_size=r.randint(1, 3), padding="same", kernel_regularizer=dict(class_name="L1L2", config=dict(l1=0.01, l2=0.02)))
    n.add("GlobalMaxPooling1D"); n.add("Dense", units=3, activation="softmax")
    return n.layers, "sparse_categorical_crossentropy", r.choice([("RMSprop", dict(learning_rate=0.05)), ("Adam", dict(learning_rate=0.05)), ("Nadam", dict(learning_rate=0.05))]), data

def stateful(i):
    """Stateful layers, and others behind them, over batches with padding anywhere."""
    r = random.Random(i); T = r.randint(4, 6); pad = r.choice(["pre", "interior", "interior", "post"])
    data = dict(kind="tokens", batch=3, time=T, batches=r.randint(2, 4), pad=pad, vocab=9, target="real", classes=2); n = Network(r, data); n.shape = [T, 3]
    n.add("Embedding", masked=True, input_dim=9, output_dim=3, mask_zero=True)
    for _ in range(r.randint(1, 2)): n.recurrent(True)
    cls, kw = n.layers[1]; (kw["layer"][1] if cls == "Bidirectional" else kw)["stateful"] = True
    n.collapse(); n.add("Dense", units=2)
    return n.layers, "mean_squared_error", ("SGD", dict(learning_rate=0.1)), data

def draw(i):
    """The i-th network: layers, loss, optimizer, data."""
    if 2000 <= i < 3000: return stateful(i)
    if 1000 <= i < 2000: return attention_with_penalties(i)
    r = random.Random(i * 7919 + 11)
    batches = r.choice([1, 1, 1, 2, 3]); T = r.randint(4, 7)
    kind = r.choice(["tokens", "tokens", "tokens", "series", "series", "channels"])
    data = dict(kind=kind, batch=r.randint(3, 5), time=T, batches=batches, pad=r.choice(["pre", "post", "interior", "rows", None]))
    if r.random() < 0.08: data["inference"] = True
    if kind != "series": data["vocab"] = r.randint(8, 14)
    else: data["features"] = r.randint(2, 3)
    n = Network(r, data)
    if kind == "series":
        n.shape = [T, data["features"]]
        if data["pad"]:
            data["padding"] = r.choice([0.0, -1.0]); n.add("Masking", masked=True, mask_value=data["padding"])
    elif kind == "tokens":
        d = r.randint(2, 4); mask = bool(data["pad"]) and r.random() < 0.85
        n.add("Embedding", [T, d], mask, input_dim=data["vocab"], output_dim=d, mask_zero=mask)
    else:
        data["channels"] = ["word", "ending"]; masks = [r.random() < 0.8 for _ in range(2)]; cls = r.choice(["Concatenate", *MERGES]); d = r.randint(2, 3)
        for name, mask in zip(data["channels"], masks): n.add("Embedding", input_dim=data["vocab"], output_dim=d, mask_zero=mask, inputs=[name])
        n.add(cls, [T, 2 * d if cls == "Concatenate" else d], all(masks), inputs=[0, 1])
    sequence_target = r.random() < 0.25
    for _ in range(r.randint(1, 3)):
        step = r.choice(["recurrent", "recurrent", "pointwise", "pointwise", "attention", "reshaping", "branch"])
        if len(n.shape) == 1: n.pointwise()
        elif step == "recurrent": n.recurrent(True)
        elif step == "branch" and n.layers: n.branch()
        elif step == "reshaping" and not sequence_target: n.reshaping()
        elif step == "attention": n.attention()
        else: n.pointwise()
    if len(n.shape) == 1: sequence_target = False
    if not sequence_target:
        if len(n.shape) == 2: n.collapse()
        if r.random() < 0.15:
            n.add("RepeatVector", [3, n.shape[0]], n=3); n.recurrent(False)
        if r.random() < 0.3: n.pointwise()
    target = r.choice(["classes_seq"]) if sequence_target else r.choice(["binary", "classes", "real", "labels"])
    units = {"binary": 1, "real": r.randint(1, 2), "labels": 3}.get(target, 3); data["target"] = target; data["classes"] = units
    link = {"binary": "sigmoid", "labels": "sigmoid", "real": "linear"}.get(target, "softmax")
    kw = n.penalty(dict(units=units), "kernel", "bias")
    form = r.choice(["Dense", "Dense", "Dense", "Activation", "TimeDistributed"])
    if form == "Activation": n.add("Dense", **kw); n.add("Activation", activation=link)
    elif form == "TimeDistributed" and sequence_target: n.add("TimeDistributed", layer=["Dense", {**kw, "activation": link}])
    else: n.add("Dense", **kw, activation=link)
    loss = {"binary": "binary_crossentropy", "labels": "binary_crossentropy", "real": r.choice(["mean_squared_error", "huber"])}.get(target, "sparse_categorical_crossentropy")
    opt = r.choice([("SGD", dict(learning_rate=0.1, momentum=0.9)), ("Adam", dict(learning_rate=0.01)), ("Adam", dict(learning_rate=0.01, global_clipnorm=0.5)),
                    ("RMSprop", dict(learning_rate=0.01)), ("AdamW", dict(learning_rate=0.01, weight_decay=0.05)), ("SGD", dict(learning_rate=0.2, clipnorm=0.05)), ("Nadam", dict(learning_rate=0.01))])
    return n.layers, loss, opt, data

def padded(rng, B, T, pad):
    """True where data is. Never a row of padding alone: Keras's masked mean of nothing is NaN."""
    m = np.ones((B, T), bool)
    for b in range(B):
        n = int(rng.integers(0, T - 1))
        if pad == "pre": m[b, :n] = False
        elif pad == "post" and n: m[b, T - n:] = False
        elif pad in ("interior", "rows"):
            m[b] = rng.random(T) < 0.6
            m[b, int(rng.integers(0, T))] = True
    if pad == "rows": m[int(rng.integers(0, B))] = False
    return m

def make_data(d, rng):
    B, T, N = d["batch"], d["time"], d["batches"]; rows = B * N
    m = np.concatenate([padded(rng, B, T, d["pad"]) for _ in range(N)])
    if d["kind"] == "series":
        x = rng.normal(size=(rows, T, d["features"])).astype("float32").astype("float64")
        if d["pad"]: x[~m] = d["padding"]
    else:
        x = [np.where(m, rng.integers(1, d["vocab"], (rows, T)), 0).astype("int32") for _ in d.get("channels", [""])]
        x = np.stack(x, 1) if d["kind"] == "channels" else x[0]
    C = d["classes"]
    y = {"binary": lambda: rng.integers(0, 2, (rows, 1)).astype("float64"), "real": lambda: rng.normal(size=(rows, C)).astype("float32").astype("float64"),
         "labels": lambda: rng.integers(0, 2, (rows, C)).astype("float64"), "classes": lambda: rng.integers(0, C, (rows,)).astype("int32"),
         "classes_seq": lambda: rng.integers(0, C, (rows, T)).astype("int32")}[d["target"]]()
    return x, y

def make_layer(spec):
    cls, kw = spec[0], {k: v for k, v in spec[1].items() if k != "inputs"}
    if "layer" in kw: kw = {**kw, "layer": make_layer(kw["layer"])}
    if cls == "ZeroPadding1D" and isinstance(kw["padding"], list): kw["padding"] = tuple(kw["padding"])
    return SELF[cls](**kw) if cls in SELF else getattr(L, cls)(**kw)

def call(spec, layer, x, training):
    """A layer as Keras calls it, with the masks that its inputs carry."""
    if spec[0] == "SelfMultiHeadAttention": return layer(x, x, training=training)
    if spec[0] in SELF: return layer([x, x], training=training)
    return layer(x, training=training) if layer._call_has_training_arg else layer(x)

def inputs(specs, i, data, given):
    """What layer i reads: named layers or channels, or the layer before it."""
    names = specs[i][1].get("inputs")
    if names is None: return given[i - 1] if i else data
    channels = sorted({n for _, kw in specs for n in kw.get("inputs", []) if isinstance(n, str)}, key=["word", "ending"].index)
    read = [data[:, channels.index(n)] if isinstance(n, str) else given[n] for n in names]
    return read if len(read) > 1 else read[0]

def functional(specs, layers, x, batch):
    """The model through Keras's own graph."""
    data = keras.Input(batch_shape=(batch, *x.shape[1:]), dtype="int32" if x.dtype.kind == "i" else "float64"); given = []
    for i, (spec, layer) in enumerate(zip(specs, layers)): given.append(call(spec, layer, inputs(specs, i, data, given), None))
    return keras.Model(data, given[-1])

def unrolled(layer, x, mask, states, tape):
    """A recurrent layer step by step: its output as Keras has it, and the hidden state after each input position."""
    cell, T, B = layer.cell, x.shape[1], x.shape[0]
    size = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    states = [tf.zeros((B, s), tf.float64) for s in size] if states is None else list(states)
    order = range(T - 1, -1, -1) if layer.go_backwards else range(T)
    hs, outs, out = {}, [], tf.zeros((B, layer.units), tf.float64)
    seen = None if mask is None else tf.zeros((B, 1), bool)
    for t in order:
        _, new = cell(x[:, t], states)
        new = list(new) if isinstance(new, (list, tuple)) else [new]
        if mask is not None:
            m = mask[:, t:t + 1]; new = [tf.where(m, n, s) for n, s in zip(new, states)]; seen = seen | m
        h = new[0] + tf.zeros_like(new[0]); tape.watch(h); states = [h] + new[1:]; hs[t] = h
        # Before the first unmasked step Keras gives 0, whatever the state: it shows where a state was carried on. A layer that is not
        # stateful has 0 there as well, and its derivative by h counts.
        out = h if mask is None or not layer.stateful else tf.where(seen, h, tf.zeros_like(h))
        outs.append(out if mask is None or not layer.zero_output_for_mask else tf.where(m, out, tf.zeros_like(out)))
    return (tf.stack(outs, 1) if layer.return_sequences else outs[-1]), [hs[t] for t in range(T)], states

def run(specs, layers, x, tape, carried, training=True):
    """The whole model in order; hidden states by layer ('2', or '2.fwd' / '2.bwd'), and the states that stateful layers carry on."""
    given, hidden, after = [], {}, {}
    for i, (spec, layer) in enumerate(zip(specs, layers)):
        h = inputs(specs, i, x, given)
        def loop(one, key):
            out, hidden[key], states = unrolled(one, h, backend.get_keras_mask(h), carried.get(key) if one.stateful else None, tape)
            after[key] = [tf.stop_gradient(s) for s in states]
            return out
        if spec[0] in RECURRENT or spec[0] == "Bidirectional":
            if not layer.built: layer(h)
            sequences = layer.return_sequences
            if spec[0] == "Bidirectional":
                f, b = loop(layer.forward_layer, f"{i}.fwd"), loop(layer.backward_layer, f"{i}.bwd")
                if sequences: b = tf.reverse(b, [1])
                out = {"concat": lambda: tf.concat([f, b], -1), "sum": lambda: f + b, "ave": lambda: (f + b) / 2, "mul": lambda: f * b}[layer.merge_mode]()
            else: out = loop(layer, str(i))
            if sequences and backend.get_keras_mask(h) is not None: backend.set_keras_mask(out, backend.get_keras_mask(h))
        else: out = call(spec, layer, h, training)
        given.append(out)
    return given[-1], hidden, after

def reset(layers):
    for l in layers:
        for one in (getattr(l, "forward_layer", None), getattr(l, "backward_layer", None), l):
            if getattr(one, "stateful", False) and hasattr(one, "reset_state"): one.reset_state()

def names_of(specs, layers):
    """Every weight with its name, `LAYER.NAME` as in the json."""
    out = []
    for i, (s, l) in enumerate(zip(specs, layers)):
        weights = [v for v in l.weights if "rnn_state" not in v.path and "seed_generator" not in v.path]
        half = len(weights) // 2
        for k, v in enumerate(weights):
            side = "" if s[0] != "Bidirectional" else "fwd." if k < half else "bwd."
            name = ".".join(v.path.split("/")[-2:]) if s[0] == "SelfMultiHeadAttention" else v.path.split("/")[-1]
            out.append((f"{i}.{side}{name}", v))
    # Keras lists the weights that do not learn after all others.
    assert len({n for n, _ in out}) == len(out), [n for n, _ in out]
    return out

def answer(i, specs, loss, opt, d):
    """Keras's tensors for a network."""
    keras.utils.set_random_seed(i); rng = np.random.default_rng([17, i]); B, N = d["batch"], d["batches"]
    x, y = make_data(d, rng); layers = [make_layer(s) for s in specs]
    part = lambda a, k: tf.constant(a[(k % N) * B:(k % N + 1) * B])
    with tf.GradientTape() as t: run(specs, layers, part(x, 0), t, {}, training=False)      # builds
    weights = names_of(specs, layers)
    for n, v in weights:
        w = v.numpy()
        if n.endswith(("bias", "beta", "scale", "gamma", "moving_mean")): w = w + 0.3 * rng.normal(size=w.shape)
        if n.endswith("moving_variance"): w = w * np.exp(0.3 * rng.normal(size=w.shape))
        v.assign(w.astype("float32").astype("float64"))
    start = [v.numpy() for _, v in weights]; T = {f"w.{n}": w for (n, _), w in zip(weights, start)}; T["x"], T["y"] = x, y
    learning = [(n, v) for n, v in weights if v.trainable]; vs = [v for _, v in learning]
    judge = {"binary_crossentropy": keras.losses.BinaryCrossentropy, "mean_squared_error": keras.losses.MeanSquaredError, "huber": keras.losses.Huber,
             "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy}[loss]()
    penalty = lambda: tf.add_n([p for l in layers for p in l.losses] or [tf.zeros((), tf.float64)])
    def restore():
        for (_, v), w in zip(weights, start): v.assign(w)
    dense = lambda grads, vs: [tf.convert_to_tensor(g) if g is not None else tf.zeros_like(v) for g, v in zip(grads, vs)]
    if not d.get("inference"):
        carried = {}
        for k in range(N):
            restore()
            with tf.GradientTape(persistent=True) as tape:
                out, hidden, carried = run(specs, layers, part(x, k), tape, carried); l0 = judge(part(y, k), out) + penalty()
        T["out"], T["loss"] = out.numpy(), np.array(l0.numpy())
        g = dense(tape.gradient(l0, vs), vs)
        for (n, _), one in zip(learning, g): T[f"g.{n}"] = one.numpy()
        for key, hs in hidden.items():
            dh = [one if one is not None else tf.zeros_like(h) for one, h in zip(tape.gradient(l0, hs), hs)]
            T[f"h.{key}"], T[f"dh.{key}"] = tf.stack(hs, 1).numpy(), tf.stack(dh, 1).numpy()
        # The same through Keras's own layers and graph.
        reset(layers); model = functional(specs, layers, x, B)
        for k in range(N):
            restore()
            with tf.GradientTape() as tape: ref = model(part(x, k), training=True); l1 = judge(part(y, k), ref) + penalty()
        assert np.allclose(ref.numpy(), out.numpy(), atol=1e-9), ("out", np.abs(ref.numpy() - out.numpy()).max())
        assert np.allclose(float(l1), float(l0), atol=1e-9), ("loss", float(l1), float(l0))
        for (n, _), a, b in zip(learning, g, dense(tape.gradient(l1, vs), vs)): assert np.allclose(a, b, atol=1e-8), (n, np.abs(a - b).numpy().max())
        restore(); optimizer = getattr(keras.optimizers, opt[0])(**opt[1]); optimizer.build(vs); l5, carried = [], {}
        for k in range(5):
            with tf.GradientTape() as tape: out, _, carried = run(specs, layers, part(x, k), tape, carried); l = judge(part(y, k), out) + penalty()
            l5.append(float(l)); optimizer.apply(dense(tape.gradient(l, vs), vs))
        T["loss5"] = np.array(l5)
        for n, v in weights: T[f"w5.{n}"] = v.numpy()
    with tf.GradientTape() as tape: out, *_ = run(specs, layers, part(x, 0), tape, {}, training=False)
    T["out5"] = out.numpy()
    return T, (optimizer.get_config() if not d.get("inference") else {})

def vanishes(T):
    """Whether the gradient of a weight is 0 but for rounding, which in float32 is another: of a bias below a BatchNormalization, say. That of the
    bias of attention's keys is exactly 0 with us."""
    largest = max([np.abs(v).max() for n, v in T.items() if n.startswith("g.")], default=0)
    return any(0 < np.abs(v).max() < 1e-7 * largest for n, v in T.items() if n.startswith("g.") and not n.endswith("key.bias"))

def main():
    ap = argparse.ArgumentParser(); ap.add_argument("--out", default="random"); ap.add_argument("--first", type=int, default=0); ap.add_argument("--count", type=int, default=250)
    ap.add_argument("--only", type=int, nargs="*", help="networks from 1000 and from 2000 on are of the two kinds that once differed"); ap.add_argument("--show", action="store_true")
    ap.add_argument("--layers", action="store_true", help="list the classes of keras.layers instead")
    a = ap.parse_args()
    if a.layers: return print("\n".join(sorted(n for n, c in vars(L).items() if isinstance(c, type) and issubclass(c, L.Layer))))
    numbers = a.only or [*range(a.first, a.first + a.count), *range(1000, 1010), *range(2000, 2020)]
    if not a.show: return write(a.out, numbers)
    for i in numbers: specs, loss, opt, d = draw(i); print(i, loss, opt, d, *specs, sep="\n  ")

def write(out, numbers):
    """Writes the networks of these numbers to OUT.jsonl and OUT.safetensors."""
    dst = pathlib.Path(out); dst.parent.mkdir(parents=True, exist_ok=True); lines, tensors, wrong = [], {}, []
    for i in numbers:
        specs, loss, opt, d = draw(i)
        try: T, config = answer(i, specs, loss, opt, d)
        except Exception as e: wrong.append(i); print(f"{i}: {type(e).__name__}: {str(e)[:300]}", [s[0] for s in specs], d, flush=True); continue
        if vanishes(T): print(f"{i}: the gradient of a weight is 0 up to rounding, left out", [s[0] for s in specs], flush=True); continue
        if not all(np.isfinite(v).all() for v in T.values()): print(f"{i}: not finite in Keras, left out", [s[0] for s in specs], d["pad"], flush=True); continue
        lines.append(json.dumps({"name": str(i), "layers": [{"class": s[0], **s[1]} for s in specs], "loss": loss, "optimizer": {"class": opt[0], "given": opt[1]}, "data": d}))
        for n, v in T.items(): tensors[f"{i}/{n}"] = np.ascontiguousarray(v if v.dtype.kind == "i" else v.astype("float32"))
    dst.with_suffix(".jsonl").write_text("\n".join(lines) + "\n"); save_file(tensors, dst.with_suffix(".safetensors"))
    print(f"{len(lines)} networks with Keras {keras.__version__}, {len(wrong)} failed")

if __name__ == "__main__": main()
