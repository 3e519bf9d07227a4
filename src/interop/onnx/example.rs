//! `predict_onnx.py`: runs an exported model in ONNX Runtime, in a few lines that anyone can change.

use serde_json::json;

use crate::data::{DataSpec, TokenSpec};
use crate::interop::{NetworkDescription, keras};
use crate::metrics::Task;
use crate::preset::RunSpec;

/// The script for the network of `spec` in the file `model` beside it.
pub fn example(spec: &RunSpec, task: Task, network: &NetworkDescription<'_>, model: &str) -> String {
    let texts = spec.token_spec().filter(|tokens| tokens.channels.is_empty());
    let channels = spec.token_spec().filter(|tokens| !tokens.channels.is_empty() && task == Task::Tags);
    let (usage, body) = match (&texts, &channels, &spec.data) {
        (Some(tokens), ..) => ("'a text' …".to_owned(), of_texts(tokens, task, network)),
        (None, Some(tokens), _) => ("'words , with blanks' …".to_owned(), of_sentences(tokens, network)),
        (None, None, DataSpec::Series(_)) => ("rows.csv".to_owned(), of_series(spec)),
        (None, None, data) => {
            ("input.npy …".to_owned(), of_arrays(network, matches!(data, DataSpec::Sequences(_))))
        }
    };
    format!(
        "\"\"\"Predicts with {file}: python predict_onnx.py {usage}\"\"\"\n\
         import json\nimport pathlib\nimport sys\n\nimport numpy as np\nimport onnxruntime\n\n\
         session = onnxruntime.InferenceSession(pathlib.Path(__file__).parent / {model})\n\
         metadata = session.get_modelmeta().custom_metadata_map\n\n\n\
         def predict(**inputs):\n    \
             batch = len(next(iter(inputs.values())))\n    \
             for i in session.get_inputs():  # states begin with zeros\n        \
                 if i.name not in inputs:\n            \
                     inputs[i.name] = np.zeros((batch, i.shape[1]), \"float32\")\n    \
             return session.run([session.get_outputs()[0].name], inputs)[0]\n\n\n\
         {body}",
        // A name comes from the command line: in a comment it must not end the comment.
        file = model.replace(['"', '\\', '\n', '\r'], "_"),
        model = json!(model),
    )
}

fn of_texts(tokens: &TokenSpec, task: Task, network: &NetworkDescription<'_>) -> String {
    let input = network.inputs.first().map_or("", |input| &input.name);
    let (encode, function) = match task {
        Task::Language => (keras::prompt(tokens, network.is_stateful), "prompt"),
        _ => (keras::encoding(tokens, network.is_stateful), "encode"),
    };
    let encode = format!(
        "ids_of = {{token: i for i, token in enumerate(json.loads(metadata[\"unrolled.vocabulary\"]))}}\n\n\n{encode}"
    );
    let labels = "labels = json.loads(metadata[\"unrolled.labels\"])\n";
    let (before, answer) = match task {
        Task::Language => (
            "tokens = list(ids_of)\n",
            format!(
                "chances = outputs[max(t for t, i in enumerate(ids) if i)]\n    {}",
                keras::next_tokens(keras::NUMPY_ORDER)
            ),
        ),
        Task::Tags => (
            labels,
            "print([(word, labels[row.argmax()]) for word, row in zip(text.split(), outputs)])".to_owned(),
        ),
        Task::Binary => {
            (labels, "print(text, dict(zip(labels, [1 - float(outputs[0]), float(outputs[0])])))".to_owned())
        }
        Task::Classes | Task::Labels => {
            (labels, "print(text, dict(zip(labels, map(float, outputs))))".to_owned())
        }
        Task::Regression | Task::Forecast => ("", "print(text, outputs)".to_owned()),
    };
    format!(
        "{encode}{before}for text in sys.argv[1:]:\n    \
         ids = {function}(text)\n    \
         outputs = predict({input}=np.array([ids], \"int32\"))[0]\n    \
         {answer}\n"
    )
}

/// The script for sentences whose words have channels.
fn of_sentences(tokens: &TokenSpec, network: &NetworkDescription<'_>) -> String {
    let encode = keras::channel_encoding(tokens, "json.loads(metadata[\"unrolled.vocabulary\"])");
    let names: Vec<&str> = network.inputs.iter().map(|input| &input.name[..]).collect();
    format!(
        "{encode}labels = json.loads(metadata[\"unrolled.labels\"])\nfor text in sys.argv[1:]:\n    \
         rows = [np.array([row], \"int32\") for row in encode(text)]\n    \
         outputs = predict(**dict(zip({}, rows)))[0]\n    \
         print([(word, labels[row.argmax()]) for word, row in zip(text.split(), outputs)])\n",
        json!(names)
    )
}

/// The script for a series: its last rows in a file of numbers.
fn of_series(spec: &RunSpec) -> String {
    let DataSpec::Series(series) = &spec.data else { return String::new() };
    let columns: Vec<String> = series.values.iter().map(crate::data::Column::title).collect();
    let targets: Vec<&String> =
        series.columns().into_iter().filter_map(|column| columns.get(column)).collect();
    format!(
        "# The last rows of the series, one a line, oldest first: {}\n\
         rows = np.loadtxt(sys.argv[1], delimiter=\",\", ndmin=2)[-{least}:]\n\
         if len(rows) < {least}:\n    \
         sys.exit(f\"{{sys.argv[1]}} has {{len(rows)}} rows; the network reads {least}\")\n\
         # The next rows of: {}\n\
         print(predict(sequence=rows[np.newaxis])[0])\n",
        json!(columns),
        json!(targets),
        least = series.window + series.difference.lag(),
    )
}

/// The script for sequences of numbers, and for words in channels: arrays in files of NumPy.
fn of_arrays(network: &NetworkDescription<'_>, scaled: bool) -> String {
    let mut lines = String::new();
    let mut arguments = Vec::new();
    for (i, input) in network.inputs.iter().enumerate() {
        let sizes =
            input.shape.keras().into_iter().map(|size| size.map_or("batch".into(), |n| n.to_string()));
        let sizes: Vec<String> = sizes.collect();
        let number = match (input.shape, scaled) {
            (crate::nn::Shape::Ids { .. }, _) => "int32",
            (_, true) => "float64",
            (_, false) => "float32",
        };
        // A name comes from the data: in a comment it must not end the comment.
        lines.push_str(&format!("# Argument {}: {} [{}]\n", i + 1, json!(input.name), sizes.join(", ")));
        arguments.push(format!("{}: np.load(sys.argv[{}]).astype(\"{number}\")", json!(input.name), i + 1));
    }
    if scaled {
        lines.push_str("# in the units of the data; steps of NaN are padding\n");
    }
    let labels = if scaled { "print(json.loads(metadata[\"unrolled.labels\"]))\n" } else { "" };
    format!("{lines}{labels}print(predict(**{{{}}}))\n", arguments.join(", "))
}
