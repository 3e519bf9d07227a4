//! `load_in_keras.py`: loads an exported network and predicts with it, in a few lines that anyone can change.

use serde_json::{Value, json};

use super::channel_encoding;
use crate::data::{DataSpec, Level, SeriesSpec, Side, TokenSpec, Vocabulary};
use crate::interop::NetworkDescription;
use crate::metrics::Task;
use crate::preset::RunSpec;

/// What Keras's `TextVectorization` deletes, as a string of Python.
const PUNCTUATION: &str = r##""!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'""##;

/// The script for the network of `spec` in the file `archive` beside it.
pub fn example(spec: &RunSpec, task: Task, network: &NetworkDescription<'_>, archive: &str) -> String {
    let texts = spec.token_spec().filter(|tokens| tokens.channels.is_empty());
    let channels = spec.token_spec().filter(|tokens| !tokens.channels.is_empty() && task == Task::Tags);
    let (usage, body) = match (&texts, &channels) {
        (Some(tokens), _) => ("'a text' …", of_texts(tokens, task, network.is_stateful)),
        (None, Some(tokens)) => ("'words , with blanks' …", of_sentences(tokens)),
        (None, None) => match &spec.data {
            DataSpec::Series(series) => ("rows.npy …", of_series(series)),
            _ => ("input.npy …", of_arrays(spec, network)),
        },
    };
    let activation = match network.activation {
        Some(activation) => {
            format!(
                "\n    # The network was trained on logits.\n    outputs = keras.ops.convert_to_numpy(keras.activations.{}(outputs))",
                activation.name()
            )
        }
        None => String::new(),
    };
    format!(
        "\"\"\"Predicts with {file}: python load_in_keras.py {usage}\"\"\"\n\
         import json\nimport pathlib\nimport sys\n\n\
         if len(sys.argv) < 2:\n    sys.exit(__doc__)\n\nimport keras\nimport numpy as np\n\n\
         HERE = pathlib.Path(__file__).parent\n\
         model = keras.saving.load_model(HERE / {archive})\n\n\n\
         def read(name):\n    return json.loads((HERE / name).read_text(encoding=\"utf-8\"))\n\n\n\
         def predict(*inputs):\n    outputs = model.predict(list(inputs) if len(inputs) > 1 else inputs[0], verbose=0){activation}\n    return outputs\n\n\n\
         {body}",
        // A name comes from the command line: in a comment it must not end the comment.
        file = archive.replace(['"', '\\', '\n', '\r'], "_"),
        archive = python(&json!(archive)),
    )
}

/// A value as Python writes it: strings and numbers are those of JSON.
fn python(value: &Value) -> String {
    value.to_string()
}

/// The function `encode` of a script, which gives the ids of a text by the tokens' `ids_of`.
pub(in crate::interop) fn encoding(tokens: &TokenSpec, is_stateful: bool) -> String {
    let length = tokens.length;
    if is_stateful {
        // There is no padding: the states would go on from it.
        return function("encode", tokens, "");
    }
    let cut = match tokens.truncating {
        Side::Pre => format!("ids[-{length}:]"),
        Side::Post => format!("ids[:{length}]"),
    };
    let row = match tokens.padding {
        Side::Pre => format!("[0] * ({length} - len(ids)) + ids"),
        Side::Post => format!("ids + [0] * ({length} - len(ids))"),
    };
    function("encode", tokens, &format!("    ids = {cut}\n    ids = {row}\n"))
}

/// The function `prompt` of a script for a language model: the ids of a text that it continues, of which the network reads the end, and
/// of a text without tokens a line end, as in `sample`.
pub(in crate::interop) fn prompt(tokens: &TokenSpec, is_stateful: bool) -> String {
    let length = tokens.length;
    let window = if is_stateful { String::new() } else { format!("[-{length}:]") };
    let first = format!("    ids = ids{window} or [ids_of.get(\"\\n\", {})]\n", Vocabulary::FIRST);
    let padded =
        if is_stateful { String::new() } else { format!("    ids += [0] * ({length} - len(ids))\n") };
    function("prompt", tokens, &(first + &padded))
}

/// The function `name` of a script: the ids of a text, changed by the lines `then`.
fn function(name: &str, TokenSpec { level, ngrams, .. }: &TokenSpec, then: &str) -> String {
    let split = match level {
        Level::Word => format!("text.lower().translate(str.maketrans(\"\", \"\", {PUNCTUATION})).split()"),
        Level::Character => "list(text)".to_owned(),
        Level::Symbol => "text.split()".to_owned(),
    };
    let join = if *level == Level::Character { "\"\"" } else { "\" \"" };
    let grams = match ngrams {
        0 | 1 => String::new(),
        n => format!(
            "    tokens = [{join}.join(tokens[i - n:i]) for i in range(1, len(tokens) + 1) for n in range(1, min(i, {n}) + 1)]\n"
        ),
    };
    format!(
        "def {name}(text):\n    tokens = {split}\n{grams}    ids = [ids_of.get(token, 1) for token in tokens]\n{then}    return ids\n\n\n"
    )
}

/// The lines of a script that print the next tokens of a language model by the array `chances` of all outputs, which `order` sorts: without
/// padding, the unknown token and outputs without a token, as `predict --stream` has them.
pub(in crate::interop) fn next_tokens(order: &str) -> String {
    let first = Vocabulary::FIRST;
    format!(
        "known = chances[{first}:len(tokens)] / chances[{first}:len(tokens)].sum()\n    \
         print(text, [(tokens[i + {first}], float(known[i])) for i in known.{order}[:5]])"
    )
}

/// The order of an array of NumPy, the greatest first.
pub(in crate::interop) const NUMPY_ORDER: &str = "argsort()[::-1]";

fn of_texts(tokens: &TokenSpec, task: Task, is_stateful: bool) -> String {
    let is_language = task == Task::Language;
    let encode = if is_language { prompt(tokens, is_stateful) } else { encoding(tokens, is_stateful) };
    let encode =
        format!("ids_of = {{token: i for i, token in enumerate(read(\"vocabulary.json\"))}}\n\n\n{encode}");
    let answer = match task {
        Task::Language => {
            let reset = if is_stateful { "\n    for layer in model.layers:\n        if getattr(layer, \"stateful\", False):\n            layer.reset_state()" } else { "" };
            format!(
                "tokens = list(ids_of)\nfor text in sys.argv[1:]:{reset}\n    ids = prompt(text)\n    \
                 last = max(t for t, i in enumerate(ids) if i)\n    \
                 chances = predict(np.array([ids], \"int32\"))[0][last]\n    {}\n",
                next_tokens(NUMPY_ORDER)
            )
        }
        Task::Tags => "labels = read(\"labels.json\")\nfor text in sys.argv[1:]:\n    \
             chances = predict(np.array([encode(text)], \"int32\"))[0]\n    \
             print([(word, labels[row.argmax()]) for word, row in zip(text.split(), chances)])\n"
            .to_owned(),
        Task::Binary => "labels = read(\"labels.json\")\n\
             for text, chances in zip(sys.argv[1:], predict(np.array([encode(t) for t in sys.argv[1:]], \"int32\"))):\n    \
             print(text, dict(zip(labels, [1 - float(chances[0]), float(chances[0])])))\n"
            .to_owned(),
        Task::Classes | Task::Labels => "labels = read(\"labels.json\")\n\
             for text, chances in zip(sys.argv[1:], predict(np.array([encode(t) for t in sys.argv[1:]], \"int32\"))):\n    \
             print(text, dict(zip(labels, map(float, chances))))\n"
            .to_owned(),
        Task::Regression | Task::Forecast => {
            "print(predict(np.array([encode(text) for text in sys.argv[1:]], \"int32\")))\n".to_owned()
        }
    };
    encode + &answer
}

/// The script for sentences whose words have channels.
fn of_sentences(tokens: &TokenSpec) -> String {
    let encode = channel_encoding(tokens, "read(\"vocabulary.json\")");
    format!(
        "{encode}labels = read(\"labels.json\")\nfor text in sys.argv[1:]:\n    \
         chances = predict(*(np.array([row], \"int32\") for row in encode(text)))[0]\n    \
         print([(word, labels[row.argmax()]) for word, row in zip(text.split(), chances)])\n"
    )
}

/// The script for series: rows in their units, and forecasts in the same.
fn of_series(series: &SeriesSpec) -> String {
    let SeriesSpec { values, window, horizon, log, difference, .. } = series;
    let lag = difference.lag();
    let columns: Vec<usize> = match series.targets.as_slice() {
        [] => (0..values.len()).collect(),
        targets => {
            targets.iter().filter_map(|target| values.iter().position(|name| name == target)).collect()
        }
    };
    let names: Vec<String> = values.iter().map(|column| column.title()).collect();
    let (logarithm, power) = if *log { ("np.log(rows)", "np.exp(forecast)") } else { ("rows", "forecast") };
    let change = if lag > 0 { format!("z[{lag}:] - z[:-{lag}]") } else { "z".to_owned() };
    let next = if lag > 0 { format!("z[-{lag}] + change") } else { "change".to_owned() };
    format!(
        "# The columns of a row: {}\nscale = read(\"scale.json\")\n\
         mean, std, targets = np.array(scale[\"mean\"]), np.array(scale[\"std\"]), {columns:?}\n\n\n\
         def forecast(rows):\n    \
         \"\"\"Forecasts {horizon} ahead from rows [at least {least}, columns]; both are in the units of the series.\"\"\"\n    \
         if len(rows) < {least}:\n        \
         sys.exit(f\"{{len(rows)}} rows; the network reads {least}\")\n    \
         z = {logarithm}\n    changes = {change}\n    \
         outputs = predict(((changes[-{window}:] - mean) / std)[None].astype(\"float32\"))[0]\n    \
         z = list(z[:, targets])\n    \
         for change in outputs.reshape({horizon}, len(targets)) * std[targets] + mean[targets]:\n        z.append({next})\n    \
         forecast = np.array(z[-{horizon}:])\n    return {power}\n\n\n\
         for path in sys.argv[1:]:\n    print(forecast(np.load(path)))\n",
        // A name comes from the data: in a comment it must not end the comment.
        python(&json!(names)),
        least = window + lag,
    )
}

/// The script for sequences of numbers, and for words in channels: arrays in files of NumPy.
fn of_arrays(spec: &RunSpec, network: &NetworkDescription<'_>) -> String {
    let shapes: Vec<String> = network
        .inputs
        .iter()
        .map(|input| {
            let sizes =
                input.shape.keras().into_iter().map(|size| size.map_or("batch".into(), |n| n.to_string()));
            // A name comes from the data: in a comment it must not end the comment.
            format!("{} [{}]", python(&json!(input.name)), sizes.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let scaled = spec.token_spec().is_none() && !matches!(spec.data, DataSpec::Generated(_));
    let scale = if scaled {
        "\nscale = read(\"scale.json\")  # the network reads (x - mean) / std\n\
         inputs = [(x - np.array(scale[\"mean\"])) / np.array(scale[\"std\"]) for x in inputs]"
    } else {
        ""
    };
    format!(
        "# The inputs: {}\ninputs = [np.load(path) for path in sys.argv[1:]]{scale}\nprint(predict(*inputs))\n",
        shapes.join("; ")
    )
}
