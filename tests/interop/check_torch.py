"""Compares networks with PyTorch: python check_torch.py FOLDER [NAME …]

Each folder NAME has model.py and model.safetensors, as exported, and inputs and predictions in case.json. The network is loaded and predicts; then it
gets other weights, is saved as saved.safetensors, and saved.json has what it predicts now.
"""

import importlib.util
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(0)
folder = pathlib.Path(sys.argv[1])
names = sys.argv[2:] or sorted(path.parent.name for path in folder.glob("*/case.json"))


def load(path):
    spec = importlib.util.spec_from_file_location("model", path / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load(path / "model.safetensors")


def predict(network, case, calls):
    network.eval()
    if case["stateful"]:
        network.reset()
    inputs = [torch.tensor(i["x"], dtype=torch.float64).reshape(i["shape"]) for i in case["inputs"]]
    is_ids = len(inputs) > 1 or inputs[0].dim() == 2
    inputs = [i.long() if is_ids else i.float() for i in inputs]
    return [network.predict(*inputs) for _ in range(calls)]


def randomise(network):
    """Other weights, but for those that stand in for weights that the layer has not."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("num_batches_tracked") or name.endswith("weight") and bool((tensor == 1).all()):
                continue
            if name.rsplit(".", 1)[-1] == "bias" and bool((tensor == 0).all()):
                continue
            value = torch.randn(tensor.shape) * 0.3
            tensor.copy_(value.abs() + 0.5 if name.endswith("running_var") else value)


failures, worst = [], 0.0
for name in names:
    case = json.loads((folder / name / "case.json").read_text())
    try:
        network = load(folder / name)
        time = case["inputs"][0]["shape"][1]
        # Sums of single precision in another order: an error relative to the numbers, and more of it over long sequences.
        limit = 1e-5 if time >= 200 else 1e-6
        for out, wanted in zip(predict(network, case, 2 if case["stateful"] else 1), case["out"]):
            wanted = torch.tensor(wanted).view_as(out)
            scale = max(1.0, float(wanted.abs().max()))
            difference = float((out - wanted).abs().max()) / scale
            worst = max(worst, difference)
            if not difference <= limit:
                failures.append(f"{name}: {difference:.1e} of {scale:.1e}")
        randomise(network)
        out = predict(network, case, 1)[0]
        save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / name / "saved.safetensors")
        saved = {"out": out.ravel().tolist(), "tolerance": limit}
        (folder / name / "saved.json").write_text(json.dumps(saved))
    except Exception as error:
        failures.append(f"{name}: {type(error).__name__}: {str(error)[:600]}")
print(f"{len(names)} networks in PyTorch {torch.__version__}, {len(failures)} differ; greatest difference {worst:.1e}")
print("\n".join(failures))
sys.exit(bool(failures) or not names)
