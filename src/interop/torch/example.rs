//! `example.py`: encodes, predicts, and compares with recorded answers, in a few lines that anyone can change.

use super::answers::Preprocessing;
use crate::interop::NetworkDescription;
use crate::interop::keras::{channel_encoding, encoding, next_tokens, prompt};
use crate::metrics::Task;
use crate::nn::Shape;

/// The script for a network whose outputs are those of `task`.
pub fn example(network: &NetworkDescription<'_>, preprocessing: &Preprocessing, task: Task) -> String {
    let reset = if network.is_stateful { "    network.reset()\n" } else { "" };
    let kind = match network.inputs[0].shape {
        Shape::Ids { .. } => "torch.long",
        _ => "torch.float32",
    };
    let (usage, before, tensor, given) = match preprocessing {
        Preprocessing::Texts(tokens, _) => {
            let encode = encoding(tokens, network.is_stateful);
            let (more, function) = match task {
                Task::Language => (prompt(tokens, network.is_stateful), "prompt"),
                _ => (String::new(), "encode"),
            };
            (
                "'a text' …",
                format!("ids_of = {{token: i for i, token in enumerate(read(\"vocabulary.json\"))}}\n\n\n{encode}{more}"),
                "torch.tensor([values])",
                format!(
                    "for text in sys.argv[1:]:\n{reset}    ids = {function}(text)\n    \
                     answer = network.predict(torch.tensor([ids]))[0]\n{}",
                    answer(task)
                ),
            )
        }
        Preprocessing::Numbers(_) => (
            "input.pt",
            "scale = read(\"scale.json\")\n\n\ndef scaled(values):\n    \
             \"\"\"What the network reads; forecasts are in the same units.\"\"\"\n    \
             mean, deviation = (torch.tensor(scale[key], dtype=torch.float64) for key in (\"mean\", \"std\"))\n    \
             return ((values - mean) / deviation).float()\n\n\n"
                .to_owned(),
            "scaled(torch.tensor([values], dtype=torch.float64))",
            "print(network.predict(*(scaled(torch.load(path)) for path in sys.argv[1:])))\n".to_owned(),
        ),
        Preprocessing::Sentences(tokens) => (
            "'words , with blanks' …",
            channel_encoding(tokens, "read(\"vocabulary.json\")"),
            "",
            format!(
                "for text in sys.argv[1:]:\n{reset}    \
                 answer = network.predict(*(torch.tensor([row]) for row in encode(text)))[0]\n{}",
                answer(task)
            ),
        ),
        Preprocessing::None => (
            if network.inputs.len() > 1 { "input.pt input.pt …" } else { "input.pt" },
            String::new(),
            "",
            "print(network.predict(*map(torch.load, sys.argv[1:])))\n".to_owned(),
        ),
    };
    let plain = format!("torch.tensor([values], dtype={kind})");
    let tensor = if tensor.is_empty() { &plain } else { tensor };
    let encoded = match preprocessing {
        Preprocessing::Texts(..) => {
            "        assert encode(case[\"text\"]) == case[\"inputs\"][0], case[\"text\"]\n"
        }
        _ => "",
    };
    let reset_case = if network.is_stateful { "        network.reset()\n" } else { "" };
    let main = given.lines().map(|line| format!("        {line}\n"));
    let main: String = main.collect();
    format!(
        "\"\"\"Predicts with the network of this folder: python example.py {usage}\n\n\
         Without arguments it checks that the answers that are recorded in answers.json come out.\n\"\"\"\n\
         import json\nimport pathlib\nimport sys\n\nimport torch\n\nfrom model import load\n\n\
         HERE = pathlib.Path(__file__).parent\nnetwork = load(HERE / \"model.safetensors\")\n\n\n\
         def read(name):\n    return json.loads((HERE / name).read_text(encoding=\"utf-8\"))\n\n\n\
         {before}\
         def check():\n    recorded = read(\"answers.json\")\n    worst = 0.0\n    for case in recorded[\"cases\"]:\n\
         {encoded}{reset_case}        \
         answer = network.predict(*({tensor} for values in case[\"inputs\"]))\n        \
         wanted = torch.tensor(case[\"output\"]).view_as(answer)\n        \
         difference = (answer - wanted).abs().max() / wanted.abs().max().clamp(min=1)\n        \
         worst = max(worst, float(difference)) if difference == difference else float(\"inf\")\n    \
         print(f\"{{len(recorded['cases'])}} recorded answers, greatest difference {{worst:.1e}}\")\n    \
         return worst <= recorded[\"tolerance\"]\n\n\n\
         if __name__ == \"__main__\":\n    if len(sys.argv) == 1:\n        sys.exit(0 if check() else \"the answers are others\")\n    \
         else:\n{main}"
    )
}

/// The lines that print the answer to a text.
fn answer(task: Task) -> String {
    let lines = match task {
        Task::Language => {
            return format!(
                "    tokens = list(ids_of)\n    chances = answer[max(t for t, i in enumerate(ids) if i)]\n    {}\n",
                next_tokens("argsort(descending=True)")
            );
        }
        Task::Tags => {
            "    labels = read(\"labels.json\")\n    \
             print([(word, labels[int(row.argmax())]) for word, row in zip(text.split(), answer)])\n"
        }
        Task::Binary => {
            "    print(text, dict(zip(read(\"labels.json\"), [1 - float(answer[0]), float(answer[0])])))\n"
        }
        Task::Classes | Task::Labels => {
            "    print(text, dict(zip(read(\"labels.json\"), map(float, answer))))\n"
        }
        Task::Regression | Task::Forecast => "    print(text, answer)\n",
    };
    lines.to_owned()
}
