#!/usr/bin/env python3
"""Prints how much faster a training step would be on more cores than this machine has, from the time of its parts on one.

    python3 python/cores.py [--unrolled target/release/unrolled] [--only WORKLOAD …] [--cores 2 4 8 16] [--seconds 1] [--check]

A batch is split into shards, by its size and the network alone, so that sums have the same bits on any number of threads. Forward and
backward pass of a shard run on one thread: on n cores, ceil(shards / n) of them one after the other. The sum of the gradients and the
update of the weights are split by weights, into as many parts as there are cores; one core packs recurrent weights for all. `unrolled bench --profile --threads 1` measures both:

    step(n) = ceil(shards / n) / shards · (layers + load) + (sum + update) / n + packing + other

Not in it: memory and third-level cache, which cores share, lower clock rates with many cores, shards of different cost. --check measures
one and two threads beside the prediction, three times in turn. Nothing else should run.
"""
import argparse, json, math, subprocess

SPLIT_BY_WEIGHTS = ("gradient_sum", "optimizer")
ALONE = ("packing", "other", "waiting")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--unrolled", default="target/release/unrolled")
parser.add_argument("--only", action="append", metavar="WORKLOAD")
parser.add_argument("--cores", type=int, nargs="+", default=[2, 4, 8, 16])
parser.add_argument("--seconds", type=float, default=1)
parser.add_argument("--check", action="store_true", help="measure two threads as well")
arguments = parser.parse_args()


def bench(threads, *flags):
    only = [flag for name in arguments.only or [] for flag in ("--only", name)]
    command = [arguments.unrolled, "bench", "--json", "--seconds", str(arguments.seconds), "--threads", str(threads), *only, *flags]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {line["workload"]: line for line in map(json.loads, lines)}


def predict(profile, cores):
    parts = {part["part"]: part["ms_per_step"] for part in profile["parts"]}
    by_weights = sum(parts.get(name, 0) for name in SPLIT_BY_WEIGHTS)
    alone = sum(parts.get(name, 0) for name in ALONE)
    by_shards = sum(parts.values()) - by_weights - alone
    shards = profile["shards"]
    return math.ceil(shards / cores) / shards * by_shards + by_weights / cores + alone


profiles = bench(1, "--profile")
rounds = [[bench(threads) for threads in (1, 2)] for _ in range(3)] if arguments.check else []
print(f"{'':20} {'shards':>6} {'ms on 1':>8}  times as fast on" + "".join(f"{cores:>6}" for cores in arguments.cores))
for name, profile in profiles.items():
    one = predict(profile, 1)
    ratios = "".join(f"{one / predict(profile, cores):6.1f}" for cores in arguments.cores)
    line = f"{name:20} {profile['shards']:6} {one:8.2f} {'':16}{ratios}"
    if rounds:
        on_one, on_two = (min(measured[i][name]["ms_per_step"] for measured in rounds) for i in (0, 1))
        line += f"   measured on 2: {on_one / on_two:.1f}"
    print(line)
