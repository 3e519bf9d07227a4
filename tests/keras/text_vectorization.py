"""Keras's own answers for tests/data.rs: `python text_vectorization.py > text_vectorization.json` (Keras 3, TensorFlow).

ASCII only: beyond it Keras leaves case and white space alone, and Unicode's are used here.
"""

import json

import keras
import numpy as np

texts = [
    "The film's plot -- well-made, NOT bad -- is (almost) good!",
    "Not good. Not bad?  Not\tquite\n\nthe film...<br /><br />The plot: a mess; an 8/10 at best & 'fun'",
    "a b c d e f g h i j\x0bk\x0cl\rm",
    "",
    " !\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~' ",
    "z y x B_A c~d e|f g{h}i @home #tag 50% $5 x^2 `tick` \"quote\" back\\slash a\x1cb c\x7fd",
    "good good film film film",
]
unseen = ["The worst film, NOT the best [unk] a", "", "bad " * 12 + "good"]

cases = []
for max_tokens in (None, 3, 5, 12, 30, 1000):
    layer = keras.layers.TextVectorization(max_tokens=max_tokens)
    layer.adapt(texts)
    ids = [np.trim_zeros(np.array(layer([text]))[0], "b").tolist() for text in texts + unseen]
    cases.append({"vocabulary": max_tokens or 2**31, "words": layer.get_vocabulary(), "ids": ids})

rows = [
    {
        "length": length,
        "padding": padding,
        "truncating": truncating,
        "rows": keras.utils.pad_sequences(
            cases[0]["ids"], maxlen=length, padding=padding, truncating=truncating
        ).tolist(),
    }
    for length in (1, 5, 20)
    for padding in ("pre", "post")
    for truncating in ("pre", "post")
]
print(json.dumps({"keras": keras.__version__, "texts": texts, "unseen": unseen, "cases": cases, "pad_sequences": rows}))
