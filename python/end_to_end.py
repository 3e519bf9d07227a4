#!/usr/bin/env python3
"""Times what a user waits for, from the file to the result, beside Keras, PyTorch, JAX, ONNX Runtime, Hugging Face tokenizers and pandas.

    python3 -m venv .keras && .keras/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0 onnxruntime
    python3 -m venv .torch && .torch/bin/pip install torch==2.15.0 numpy safetensors
    python3 -m venv .jax && .jax/bin/pip install jax==0.10.2 optax
    python3 -m venv .tables && .tables/bin/pip install pandas tokenizers
    python3 python/end_to_end.py TRAIN.csv TEST.csv --text tinyshakespeare.txt --keras .keras/bin/python --torch .torch/bin/python \\
        --jax .jax/bin/python --tables .tables/bin/python [--only PART …] [--repeats 3] [--json RESULTS.json]

TRAIN.csv and TEST.csv have the columns text and label (the Large Movie Review Dataset). Interpreters that are not named are left out.

    train    the lecture's first network, from the CSV files to the accuracy after four epochs: seconds of the process, peak memory
    read     reading, tokenizing, and encoding the texts as ids, in MB/s. Ours: from the launch to the summary of the prepared data. The
             others: without their imports
    large    a CSV file of --gigabytes, of the rows of TRAIN.csv in another order each time: seconds and peak memory up to the end of the
             first step with data.stream; of pandas for reading it at once (no tokens); of tokenizing in a loop, seconds computed from its
             rate over --bound seconds
    predict  texts per second and latency of the trained network. Ours is `unrolled predict`, kept open, lines in and out of pipes; the
             others are called in their process, with the exported network and the same encoding of texts
    sample   tokens per second of a language model of two LSTM(256), which continues a text, and 256 texts at once, character by character
    start    to the first frame in a terminal; to the end of the first training step on 128 texts, from the launch of the process

Every measurement is a new process, and the systems take turns; the median of --repeats is printed. Nothing else should run.
"""
import argparse, collections, csv, fcntl, json, math, os, pathlib, pty, random, re, select, signal, statistics, struct, subprocess, sys, tempfile
import termios, threading, time

PARTS = ("train", "read", "large", "predict", "sample", "start")
BATCH, LENGTH, VOCABULARY, EMBED, UNITS, EPOCHS = 128, 200, 10_000, 50, 8, 4
PUNCTUATION = str.maketrans("", "", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("train", type=pathlib.Path)
parser.add_argument("test", type=pathlib.Path)
parser.add_argument("--text", type=pathlib.Path, help="a long text, for the part sample")
parser.add_argument("--unrolled", default="target/release/unrolled")
parser.add_argument("--keras", help="a Python with Keras, TensorFlow and ONNX Runtime")
parser.add_argument("--torch", help="a Python with PyTorch")
parser.add_argument("--jax", help="a Python with JAX and Optax")
parser.add_argument("--tables", help="a Python with pandas and tokenizers")
parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated")
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("--gigabytes", type=float, default=5.0)
parser.add_argument("--bound", type=float, default=20.0, help="seconds of a loop that would take too long whole")
parser.add_argument("--folder", type=pathlib.Path, help="for the files that are made; removed at the end if not given")
parser.add_argument("--json", type=pathlib.Path)
parser.add_argument("--child", help=argparse.SUPPRESS)
arguments = parser.parse_args()


# What the other systems do, each in a process of its own: a function prints lines of JSON.


def say(**facts):
    print(json.dumps(facts), flush=True)


def read_csv(path):
    csv.field_size_limit(1 << 24)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] == "positive" for row in rows]


def words(text):
    return text.lower().translate(PUNCTUATION).split()


def last_ids(texts, ids_of):
    """The ids of the last words, padded in front."""
    import numpy as np

    ids = np.zeros((len(texts), LENGTH), "int32")
    for row, text in enumerate(texts):
        found = [ids_of.get(word, 1) for word in text[-LENGTH:]]
        ids[row, LENGTH - len(found) :] = found
    return ids


def python_data():
    """Both files as ids and labels, by a loop in Python: the 10,000 most frequent words of the training texts."""
    import numpy as np

    texts, labels = read_csv(arguments.train)
    texts = [words(text) for text in texts]
    counts = collections.Counter(word for text in texts for word in text)
    ids_of = {word: i + 2 for i, (word, _) in enumerate(counts.most_common(VOCABULARY - 2))}
    train = last_ids(texts, ids_of), np.array(labels, "float32")
    texts, labels = read_csv(arguments.test)
    return train, (last_ids([words(text) for text in texts], ids_of), np.array(labels, "float32"))


def keras_data():
    import numpy as np
    from keras import layers

    (texts, labels), (test_texts, test_labels) = read_csv(arguments.train), read_csv(arguments.test)
    vectorize = layers.TextVectorization(max_tokens=VOCABULARY)
    vectorize.adapt(texts)

    def ids(texts):
        ids = np.zeros((len(texts), LENGTH), "int32")
        for first in range(0, len(texts), 1000):
            for row, found in enumerate(vectorize(np.array(texts[first : first + 1000], dtype=object)).numpy()):
                kept = found[found != 0][-LENGTH:]
                ids[first + row, LENGTH - len(kept) :] = kept
        return ids

    return (ids(texts), np.array(labels, "float32")), (ids(test_texts), np.array(test_labels, "float32"))


def keras_train(compiled, one_step=False):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start = time.perf_counter()
    import keras
    from keras import layers

    imported = time.perf_counter()
    train, test = keras_data()
    read = time.perf_counter()
    model = keras.Sequential([layers.Embedding(VOCABULARY, EMBED), layers.SimpleRNN(UNITS), layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"], jit_compile=compiled)
    if one_step:
        model.fit(*train, batch_size=BATCH, epochs=1, steps_per_epoch=1, verbose=0)
        return say(event="step")
    fitted = model.fit(*train, batch_size=BATCH, epochs=EPOCHS, validation_data=test, validation_batch_size=1000, verbose=0)
    say(imports=imported - start, reading=read - imported, training=time.perf_counter() - read, accuracy=fitted.history["val_accuracy"][-1])


def torch_train(one_step=False):
    start = time.perf_counter()
    import torch
    from torch import nn

    torch.set_flush_denormal(True)  # the gradients of early words are that small
    imported = time.perf_counter()
    train, test = [[torch.from_numpy(array) for array in part] for part in python_data()]
    read = time.perf_counter()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = nn.Embedding(VOCABULARY, EMBED), nn.RNN(EMBED, UNITS, batch_first=True)
            self.dense = nn.Linear(UNITS, 1)
            # As in Keras, so that the accuracies are comparable.
            nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
            nn.init.xavier_uniform_(self.rnn.weight_ih_l0)
            nn.init.orthogonal_(self.rnn.weight_hh_l0)
            nn.init.xavier_uniform_(self.dense.weight)
            for bias in (self.rnn.bias_ih_l0, self.rnn.bias_hh_l0, self.dense.bias):
                nn.init.zeros_(bias)

        def forward(self, tokens):
            return self.dense(self.rnn(self.embedding(tokens))[0][:, -1]).squeeze(1)

    network = Network()
    optimizer, loss = torch.optim.Adam(network.parameters(), 1e-3), nn.BCEWithLogitsLoss()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train[0])).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss(network(train[0][rows]), train[1][rows]).backward()
            optimizer.step()
            if one_step:
                return say(event="step")
        with torch.no_grad():
            right = sum(((network(x) > 0) == (y > 0.5)).sum().item() for x, y in zip(test[0].split(1000), test[1].split(1000)))
    say(imports=imported - start, reading=read - imported, training=time.perf_counter() - read, accuracy=right / len(test[0]))


def jax_train(one_step=False):
    start = time.perf_counter()
    import jax, optax
    import jax.numpy as jnp
    import numpy as np

    imported = time.perf_counter()
    train, test = python_data()
    read = time.perf_counter()
    keys = jax.random.split(jax.random.PRNGKey(0), 4)
    uniform = lambda key, shape, limit: jax.random.uniform(key, shape, minval=-limit, maxval=limit)
    params = {
        "E": uniform(keys[0], (VOCABULARY, EMBED), 0.05),
        "W": uniform(keys[1], (EMBED, UNITS), math.sqrt(6 / (EMBED + UNITS))),
        "U": jnp.linalg.qr(jax.random.normal(keys[2], (UNITS, UNITS)))[0],
        "b": jnp.zeros(UNITS),
        "V": uniform(keys[3], (UNITS, 1), math.sqrt(6 / (UNITS + 1))),
        "c": jnp.zeros(1),
    }

    def forward(params, tokens):
        inputs = params["E"][tokens.T] @ params["W"] + params["b"]
        step = lambda hidden, given: (jnp.tanh(given + hidden @ params["U"]), None)
        hidden, _ = jax.lax.scan(step, jnp.zeros((tokens.shape[0], UNITS)), inputs)
        return (hidden @ params["V"] + params["c"])[:, 0]

    optimizer = optax.adam(1e-3)
    loss = lambda params, x, y: optax.sigmoid_binary_cross_entropy(forward(params, x), y).mean()

    def step(params, state, x, y):
        updates, state = optimizer.update(jax.grad(loss)(params, x, y), state, params)
        return optax.apply_updates(params, updates), state

    step = jax.jit(step, donate_argnums=(0, 1))
    correct = jax.jit(lambda params, x, y: ((forward(params, x) > 0) == (y > 0.5)).sum())
    state, generator = optimizer.init(params), np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = generator.permutation(len(train[0]))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            params, state = step(params, state, train[0][rows], train[1][rows])
            if one_step:
                jax.block_until_ready(params)
                return say(event="step")
        right = sum(int(correct(params, test[0][i : i + 1000], test[1][i : i + 1000])) for i in range(0, len(test[0]), 1000))
    say(imports=imported - start, reading=read - imported, training=time.perf_counter() - read, accuracy=right / len(test[0]))


def keras_read():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    start = time.perf_counter()
    keras_data()
    say(seconds=time.perf_counter() - start)


def python_read():
    import numpy

    start = time.perf_counter()
    python_data()
    say(seconds=time.perf_counter() - start)


def trained_tokenizer(texts):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), "")])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=VOCABULARY, special_tokens=["", "[UNK]"], show_progress=False))
    return tokenizer


def tokenizers_read():
    import numpy as np, pandas, tokenizers

    start = time.perf_counter()
    train, test = (pandas.read_csv(path)["text"].tolist() for path in (arguments.train, arguments.test))
    tokenizer = trained_tokenizer(train)
    tokenizer.enable_padding(direction="left", pad_id=0, pad_token="", length=LENGTH)
    tokenizer.enable_truncation(LENGTH, direction="left")
    for texts in (train, test):
        np.array([encoding.ids for encoding in tokenizer.encode_batch_fast(texts)], "int32")
    say(seconds=time.perf_counter() - start)


def pandas_read():
    import pandas

    start = time.perf_counter()
    for path in (arguments.train, arguments.test):
        pandas.read_csv(path)["text"].str.lower().str.replace(r"[!-/:-@\[-`{-~]", "", regex=True).str.split()
    say(seconds=time.perf_counter() - start)


def pandas_large():
    import pandas

    start = time.perf_counter()
    rows = len(pandas.read_csv(arguments.train))
    say(seconds=time.perf_counter() - start, rows=rows)


def tokenizers_large():
    """The words are counted in chunks, until the time is up; then the same rows are encoded."""
    import pandas, tokenizers

    start, read = time.perf_counter(), 0
    kept = []

    def chunks():
        nonlocal read
        for chunk in pandas.read_csv(arguments.train, chunksize=20_000):
            texts = chunk["text"].tolist()
            read += sum(len(text) for text in texts)
            kept.append(texts)
            yield texts
            if time.perf_counter() - start > arguments.bound / 2:
                return

    tokenizer = trained_tokenizer(chunks())
    for texts in kept:
        tokenizer.encode_batch_fast(texts)
    say(seconds=(time.perf_counter() - start) * arguments.train.stat().st_size / read)


def latencies(call, seconds, least=20):
    """Seconds of each call."""
    for _ in range(5):
        call()
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < least:
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return times


def of_times(times, items):
    """The rate from the median, and percentiles in milliseconds."""
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))]
    return {"per_second": items / at(0.5), "ms": at(0.5) * 1e3, "ms_p99": at(0.99) * 1e3}


def predict_rates(ids_of, network):
    """Rates of `network`, which takes a matrix of ids, alone and with the encoding of texts."""
    import numpy as np

    texts = read_csv(arguments.test)[0]
    turn = 0
    for batch in (1, 256):
        encoded = last_ids([words(text) for text in texts[:batch]], ids_of)

        def from_texts():
            nonlocal turn
            turn = (turn + batch) % (len(texts) - batch)
            return network(last_ids([words(text) for text in texts[turn : turn + batch]], ids_of)).tolist()

        say(batch=batch, what="texts", **of_times(latencies(from_texts, 3), batch))
        say(batch=batch, what="ids", **of_times(latencies(lambda: network(encoded), 3), batch))


def torch_network():
    import torch

    sys.path.insert(0, str(arguments.folder / "torch"))
    from model import load

    return load(arguments.folder / "torch" / "model.safetensors")


def onnx_session():
    import onnxruntime

    session = onnxruntime.InferenceSession(arguments.folder / "onnx" / "network.onnx")
    return session, {token: i for i, token in enumerate(json.loads(session.get_modelmeta().custom_metadata_map["unrolled.vocabulary"]))}


def torch_predict():
    import torch

    network = torch_network()
    vocabulary = json.loads((arguments.folder / "torch" / "vocabulary.json").read_text(encoding="utf-8"))
    predict_rates({token: i for i, token in enumerate(vocabulary)}, lambda ids: network.predict(torch.from_numpy(ids)).numpy())


def onnx_predict():
    session, ids_of = onnx_session()
    predict_rates(ids_of, lambda ids: session.run(["output"], {"tokens": ids})[0])


def drawn(chances):
    """A token of each row, sampled by its probabilities."""
    import numpy as np

    sums = chances.cumsum(-1)
    return (sums < np.random.random_sample((len(sums), 1)) * sums[:, -1:]).sum(-1)


def torch_sample():
    import torch

    network = torch_network().eval()
    for batch in (1, 256):
        tokens = torch.full((batch, 1), 2)
        network.reset()

        def step():
            nonlocal tokens
            tokens = torch.multinomial(network(tokens)[:, -1], 1)

        with torch.inference_mode():
            say(batch=batch, what="tokens", **of_times(latencies(step, 3), batch))


def onnx_sample():
    import numpy as np

    session, _ = onnx_session()
    names = [i.name for i in session.get_inputs()][1:]
    for batch in (1, 256):
        state = {i.name: np.zeros((batch, i.shape[1]), "float32") for i in session.get_inputs()[1:]}
        tokens = np.full((batch, 1), 2, "int32")

        def step():
            nonlocal tokens, state
            output, *after = session.run(None, {"tokens": tokens, **state})
            state = dict(zip(names, after))
            tokens = drawn(output[:, -1]).astype("int32")[:, None]

        say(batch=batch, what="tokens", **of_times(latencies(step, 3), batch))


CHILDREN = {
    "keras:train": lambda: keras_train(False),
    "keras-xla:train": lambda: keras_train(True),
    "torch:train": torch_train,
    "jax:train": jax_train,
    "keras:read": keras_read,
    "python:read": python_read,
    "tokenizers:read": tokenizers_read,
    "pandas:read": pandas_read,
    "pandas:large": pandas_large,
    "tokenizers:large": tokenizers_large,
    "torch:predict": torch_predict,
    "onnxruntime:predict": onnx_predict,
    "torch:sample": torch_sample,
    "onnxruntime:sample": onnx_sample,
    "keras:start": lambda: keras_train(False, one_step=True),
    "keras-xla:start": lambda: keras_train(True, one_step=True),
    "torch:start": lambda: torch_train(one_step=True),
    "jax:start": lambda: jax_train(one_step=True),
}
if arguments.child:
    CHILDREN[arguments.child]()
    sys.exit()


# The measurements.


def watched(command, until=None, **options):
    """Runs a command to its end, or until a line of its output that `until` accepts, and returns seconds, peak resident memory and output.

    The peak is the kernel's for this process: getrusage(2).
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options)
    lines, seconds = [], None
    for line in process.stdout:
        lines.append(line)
        if until and until(line):
            seconds = time.perf_counter() - start
            process.kill()
            break
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if seconds is None:
        seconds = time.perf_counter() - start
        if process.returncode != 0 or until:
            raise RuntimeError(f"{command}: exit code {process.returncode}\n{''.join(lines[-5:])}")
    return {"seconds": seconds, "peak_mib": usage.ru_maxrss / 1024}, lines


def peer(name, part, train=None, test=None, **options):
    """Runs a function of CHILDREN and returns what it measured, and its lines of JSON."""
    python = {"keras": arguments.keras, "keras-xla": arguments.keras, "onnxruntime": arguments.keras, "torch": arguments.torch}
    python |= {"jax": arguments.jax, "tokenizers": arguments.tables, "pandas": arguments.tables, "python": arguments.torch}
    if python[name] is None:
        return None, []
    command = [python[name], __file__, str(train or arguments.train), str(test or arguments.test), "--child", f"{name}:{part}"]
    command += ["--bound", str(arguments.bound), "--folder", str(options.get("folder", folder))]
    measured, lines = watched(command, options.get("until"))
    return measured, [json.loads(line) for line in lines]


def ours(train, run, *more):
    """The command that trains the lecture's network without a screen."""
    command = [arguments.unrolled, "train", "lecture-rnn8", "--headless", "--data", str(train), "--run", str(run)]
    return command + ["--set", f"train.epochs={EPOCHS}", *more]


def with_test(path):
    return ["--set", f"data.validation.path={path}"]


def new_run():
    global runs
    runs += 1
    return folder / f"run-{runs}"


def measure_train():
    for _ in range(arguments.repeats):
        run = new_run()
        measured, lines = watched(ours(arguments.train, run, *with_test(arguments.test)))
        found = [line for line in lines if f"epoch {EPOCHS}/{EPOCHS}" in line and "val_accuracy" in line][-1]
        accuracy = float(re.search(r"val_accuracy ([\d.]+)", found)[1]) / 100
        record("train", "unrolled", "", **measured, accuracy=accuracy)
        for name in ("keras", "keras-xla", "torch", "jax"):
            measured, lines = peer(name, "train")
            if measured:
                record("train", name, "", **measured, **lines[-1])


def measure_read():
    size = (arguments.train.stat().st_size + arguments.test.stat().st_size) / 1e6
    is_summary = lambda line: line.startswith("data ")
    for _ in range(arguments.repeats):
        measured, _ = watched(ours(arguments.train, new_run(), *with_test(arguments.test)), is_summary)
        record("read", "unrolled", "", mb_per_second=size / measured["seconds"], **measured)
        for name in ("keras", "python", "tokenizers", "pandas"):
            measured, lines = peer(name, "read")
            if measured:
                seconds = lines[-1]["seconds"]
                record("read", name, "", mb_per_second=size / seconds, seconds=seconds, peak_mib=measured["peak_mib"])


def first_step(command, run):
    """Seconds and peak memory up to the record of the first step, of a training that saves a checkpoint after each, which is then ended."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = run / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size > 0):
        time.sleep(0.001)
        if process.poll() is not None:
            raise RuntimeError(f"{command}: exit code {process.returncode} before the first step")
    seconds = time.perf_counter() - start
    process.kill()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = -signal.SIGKILL
    return {"seconds": seconds, "peak_mib": usage.ru_maxrss / 1024}


EVERY_STEP = ("--set", "train.checkpoint.every_steps=1")


def measure_large():
    large = folder / "large.csv"
    size = arguments.gigabytes * 1e9
    if not large.exists() or abs(large.stat().st_size - size) > 1e8:
        texts, labels = read_csv(arguments.train)
        rows = [('"%s",%s\n' % (text.replace('"', '""'), "positive" if label else "negative")).encode() for text, label in zip(texts, labels)]
        generator, written = random.Random(1), 0
        with open(large, "wb") as file:
            written += file.write(b"text,label\n")
            while written < size:
                generator.shuffle(rows)
                for first in range(0, len(rows), 1000):
                    written += file.write(b"".join(rows[first : first + 1000]))
                    if written >= size:
                        break
    size = large.stat().st_size
    run = new_run()
    measured = first_step(ours(large, run, *with_test(arguments.test), "--set", "data.stream=true", *EVERY_STEP), run)
    record("large", "unrolled", "to the first step", mb_per_second=size / measured["seconds"] / 1e6, **measured)
    for name, what in (("pandas", "read_csv alone, whole"), ("tokenizers", "counting and encoding, computed from a part")):
        measured, lines = peer(name, "large", large)
        if measured:
            seconds = lines[-1]["seconds"]
            record("large", name, what, mb_per_second=size / seconds / 1e6, seconds=seconds, peak_mib=measured["peak_mib"])
    if not arguments.folder:
        large.unlink()


def exported(run, place):
    for flag, path in (("--torch", place / "torch"), ("--onnx", place / "onnx" / "network.onnx")):
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([arguments.unrolled, "export", str(run), flag, str(path), "--force"], check=True, stdout=subprocess.DEVNULL)


class Lines:
    """A process that answers lines with lines."""

    def __init__(self, *command):
        self.process = subprocess.Popen([arguments.unrolled, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question, answers=1):
        # A long question and its long answer are more than the pipes hold.
        writer = threading.Thread(target=self.put, args=(question,)) if answers > 1 else None
        writer.start() if writer else self.put(question)
        for _ in range(answers):
            self.process.stdout.readline()
        if writer:
            writer.join()

    def put(self, question):
        self.process.stdin.write(question)
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def record_peers(part, place, label):
    """Measures the peers with what was exported to `place`; each result is called `label`, with its batch and what it reads."""
    for name in ("onnxruntime", "torch"):
        _, found = peer(name, part, folder=folder / place)
        for line in found:
            words = {key: line.pop(key) for key in ("batch", "what")}
            record(part, name, label.format(**words), **line)


def measure_predict():
    run = new_run()
    watched(ours(arguments.train, run, *with_test(arguments.test)))
    exported(run, folder / "classifier")
    texts = [(" ".join(text.split()) + "\n").encode() for text in read_csv(arguments.test)[0]]
    for _ in range(arguments.repeats):
        for batch in (1, 256):
            lines, turn = Lines("predict", str(run)), 0

            def ask():
                nonlocal turn
                turn = (turn + batch) % (len(texts) - batch)
                lines.ask(b"".join(texts[turn : turn + batch]), batch)

            record("predict", "unrolled", f"batch {batch}, from texts", **of_times(latencies(ask, 3), batch))
            lines.end()
        lines = Lines("predict", str(run), "--stream")
        record("predict", "unrolled", "--stream, a word a line", **of_times(latencies(lambda: lines.ask(b"movie\n"), 3), 1))
        lines.end()
        record_peers("predict", "classifier", "batch {batch}, from {what}")


def measure_sample():
    if arguments.text is None:
        sys.exit("the part sample needs --text")
    run = new_run()
    command = [arguments.unrolled, "train", "shakespeare-lstm", "--headless", "--data", str(arguments.text), "--run", str(run)]
    watched([*command, "--set", "train.fraction=0.02", "--set", "train.epochs=1"])
    exported(run, folder / "language")
    few, many = 1_000, 21_000
    for _ in range(arguments.repeats):
        # Opening the run is the same for both lengths.
        short, long = (watched([arguments.unrolled, "sample", str(run), "--length", str(n)])[0]["seconds"] for n in (few, many))
        each = (long - short) / (many - few)
        record("sample", "unrolled", "batch 1", per_second=1 / each, ms=each * 1e3, opening_ms=(short - few * each) * 1e3)
        texts = [arguments.unrolled, "sample", str(run), "--texts", "256"]
        short, long = (watched([*texts, "--length", str(n)])[0]["seconds"] for n in (few // 10, many // 10))
        each = (long - short) / (many - few) * 10 / 256
        record("sample", "unrolled", "batch 256", per_second=1 / each, ms=each * 256 * 1e3)
        lines = Lines("predict", str(run), "--stream")
        record("sample", "unrolled", "predict --stream, a character a line", **of_times(latencies(lambda: lines.ask(b"e\n"), 3), 1))
        lines.end()
        record_peers("sample", "language", "batch {batch}")


def first_frame(*command):
    """Seconds from the launch in a terminal of 120 columns and 40 rows to the end of the first frame."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(folder)}
    start, seen = time.perf_counter(), b""
    process = subprocess.Popen(
        [str(pathlib.Path(arguments.unrolled).resolve()), *command], stdin=follower, stdout=follower, stderr=follower, cwd=folder,
        env=environment, start_new_session=True,
    )
    os.close(follower)
    while b"\x1b[?2026l" not in seen:  # the end of a synchronized update
        if not select.select([leader], [], [], 10)[0]:
            raise RuntimeError("no frame in ten seconds")
        seen += os.read(leader, 1 << 16)
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    os.close(leader)
    return seconds


def measure_start():
    small = folder / "small.csv"
    with open(arguments.train, encoding="utf-8", newline="") as source, open(small, "w", encoding="utf-8", newline="") as target:
        csv.field_size_limit(1 << 24)
        rows = list(csv.reader(source))
        csv.writer(target).writerows(rows[:1] + random.Random(1).sample(rows[1:], BATCH))
    for _ in range(max(arguments.repeats, 5)):
        record("start", "unrolled", "first frame: menu", seconds=first_frame())
        record("start", "unrolled", "first frame: dashboard", seconds=first_frame("train", "word-order", "--run", str(new_run())))
    for _ in range(arguments.repeats):
        for data, what in ((small, "first step, 128 texts"), (arguments.train, "first step, 25,000 texts")):
            test = small if data == small else arguments.test
            run = new_run()
            record("start", "unrolled", what, **first_step(ours(data, run, *with_test(test), *EVERY_STEP), run))
        for name in ("keras", "keras-xla", "torch", "jax"):
            measured, _ = peer(name, "start", small, small, until=lambda line: "step" in line)
            if measured:
                record("start", name, "first step, 128 texts", **measured)


def record(part, system, what, **measured):
    print(f"{part}: {system} {what}", {key: round(value, 4) for key, value in measured.items()}, file=sys.stderr, flush=True)
    results.setdefault((part, system, what), []).append(measured)


def rounded(value):
    return float(f"{value:.4g}")


arguments.train, arguments.test = arguments.train.resolve(), arguments.test.resolve()
arguments.unrolled = str(pathlib.Path(arguments.unrolled).resolve())
temporary = None if arguments.folder else tempfile.TemporaryDirectory()
folder = pathlib.Path(arguments.folder or temporary.name).resolve()
folder.mkdir(parents=True, exist_ok=True)
results, runs = {}, int(time.time())
for part in PARTS:
    if part in (arguments.only or PARTS):
        globals()[f"measure_{part}"]()

rows = []
for (part, system, what), measured in results.items():
    row = {"part": part, "system": system, "what": what, "processes": len(measured)}
    rows.append(row | {key: rounded(statistics.median(one[key] for one in measured)) for key in measured[0]})
for part in dict.fromkeys(row["part"] for row in rows):
    of_part = [row for row in rows if row["part"] == part]
    columns = list(dict.fromkeys(key for row in of_part for key in row if key != "part"))
    cells = [columns] + [[str(row.get(column, "")) for column in columns] for row in of_part]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    print(f"\n{part}")
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
if arguments.json:
    arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
