"""Asks a TensorBoard server on the loopback interface for event files that unrolled has written.

    pip install tensorboard==2.21.0
    python python/tensorboard_serves.py DIR

Prints the runs with their tags by plugin, and the last value of each scalar; exits with 1 if a plugin that is
expected has no data.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

EXPECTED = ["scalars", "histograms", "images", "hparams"]


def main(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder]
    command += ["--port", str(port), "--host", "127.0.0.1", "--load_fast", "false"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(path, **query):
        url = f"http://127.0.0.1:{port}/data/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    try:
        for _ in range(120):
            try:
                if ask("plugin/scalars/tags"):
                    break
            except OSError:
                pass
            time.sleep(0.5)
        active = ask("plugins_listing")
        missing = [name for name in EXPECTED if not active.get(name, {}).get("enabled")]
        for run, tags in sorted(ask("plugin/scalars/tags").items()):
            for tag in sorted(tags):
                points = ask("plugin/scalars/scalars", run=run, tag=tag)
                print(f"{run} {tag}: {len(points)} points, the last {points[-1][2]:.6g} at step {points[-1][1]}")
        for plugin in ["histograms", "images", "text"]:
            for run, tags in sorted(ask(f"plugin/{plugin}/tags").items()):
                print(f"{run} {plugin}: {', '.join(sorted(tags))}")
        if missing:
            sys.exit(f"no data for {', '.join(missing)}")
    finally:
        server.terminate()
        server.wait()


main(sys.argv[1])
