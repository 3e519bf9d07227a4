#!/usr/bin/env python3
"""Prints how the time and the memory of a training step grow with the length, the batch, the units, the vocabulary and the classes.

    python3 python/growth.py [--unrolled target/release/unrolled] [--only VARIABLE …] [--seconds 0.5] [--json RESULTS.json]

One variable grows, the others keep the values of BASE. `unrolled bench` measures each value in a process of its own, --repeats times in
turns, of which the fastest median counts. Per doubling of the variable, `time` and `memory` are the exponents of growth: log2 of the
ratio, for values that are not twice the one before divided by log2 of theirs. 0 is constant, 1 linear, 2 quadratic. Values below 1 show
fixed costs, or work that fills the processor better; a jump at one value shows a limit, such as the size of a cache. What memory is
counted: `peak` is the resident memory of the process, of which the data of 16 batches are a part, `activations` those of the network.
Nothing else should run.
"""
import argparse, json, math, pathlib, subprocess, tempfile

BASE = {"task": "binary", "vocab": 10_000, "embed": 32, "batch": 32, "length": 100, "stack": [{"lstm": 32}]}


def doublings(first, last):
    """`first`, its doublings, and `last`."""
    values = [first]
    while values[-1] * 2 < last:
        values.append(values[-1] * 2)
    return values + [last]


def varied(**changes):
    return BASE | changes


VARIABLES = {
    "length": (doublings(50, 20_000), lambda n: varied(length=n, batch=16)),
    "batch": (doublings(1, 1024), lambda n: varied(batch=n)),
    "units": (doublings(8, 1024), lambda n: varied(stack=[{"lstm": n}])),
    "vocabulary": (doublings(1_000, 1_000_000), lambda n: varied(vocab=n)),
    # A class at each of 8 steps; the ids that go in are as many.
    "classes": (doublings(2, 50_000), lambda n: varied(task="lm", vocab=n, length=8)),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--unrolled", default="target/release/unrolled")
parser.add_argument("--only", action="append", choices=VARIABLES, metavar="VARIABLE", help="of " + ", ".join(VARIABLES))
parser.add_argument("--seconds", type=float, default=0.5, help="of measuring each value")
parser.add_argument("--repeats", type=int, default=2)
parser.add_argument("--json", type=pathlib.Path)
arguments = parser.parse_args()


def measure(file, name):
    command = [arguments.unrolled, "bench", "--workloads", file, "--only", name, "--seconds", str(arguments.seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


rows = []
for variable in arguments.only or VARIABLES:
    values, workload = VARIABLES[variable]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"note": variable, "workloads": {str(value): workload(value) for value in values}}, file)
        file.flush()
        measured = [[measure(file.name, str(value)) for value in values] for _ in range(arguments.repeats)]
    print(f"\n{variable:>10} {'ms/step':>9} {'time':>5} {'activations':>12} {'peak MiB':>9} {'memory':>6} {'parameters':>11} {'% peak':>6}")
    before = None
    for value, runs in zip(values, zip(*measured)):
        best = min(runs, key=lambda run: run["ms_per_step"])
        row = {"variable": variable, "value": value, "ms_per_step": best["ms_per_step"], "params": best["params"]}
        row |= {"activation_mib": best["activation_bytes"] / 2**20, "peak_mib": best["peak_resident_bytes"] / 2**20}
        row["peak_share"] = best["peak_share"]
        exponent = lambda key: math.log(row[key] / before[key]) / math.log(value / before["value"])
        row |= {"time_exponent": exponent("ms_per_step"), "memory_exponent": exponent("peak_mib")} if before else {}
        shown = [f"{row[key]:.2f}" if key in row else "" for key in ("time_exponent", "memory_exponent")]
        print(
            f"{value:>10,} {row['ms_per_step']:>9.3f} {shown[0]:>5} {row['activation_mib']:>12.1f} {row['peak_mib']:>9.1f} {shown[1]:>6}"
            f" {row['params']:>11,} {100 * row['peak_share']:>6.1f}",
            flush=True,
        )
        rows.append(row)
        before = row
if arguments.json:
    arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
