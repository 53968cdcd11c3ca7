"""The network bench: `cargo xtask bench network` calls it. A real server and real participants in two network namespaces with a bad network between them (`confab-impair`), one row after the other, and one table.

The sender plays a clip in which every picture says when it was taken (`--camera-clock`); the receiver notes when it shows which (`--video-times`). Both are on one machine, so the difference is the time from camera to screen. Only pictures newer
than all before count. Needs root."""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import threading
import time
from pathlib import Path

#: Seconds on a good network, to join on; then those before anything counts, to learn of the bad one.
JOIN = 8
WARM = 10
#: Pictures a second of the clip, and a gap this long is a freeze.
FREEZE = 0.2
UP_2M = "rate_kbit = 2000\nqueue_ms = 200\n"


def loss(percent):
    return f"loss_percent = {percent}\n" if percent else ""


def burst(percent, length):
    return f"burst = {{ loss_percent = {percent}, length = {length} }}\n"


def way(always, later=""):
    """A script: 25 ms each way, and what else holds both ways always, and from the end of joining on."""
    step = "".join(f"both.{line}\n" for line in later.splitlines())
    return f"[both]\ndelay_ms = 25\n{always}" + (f"[[step]]\nat_s = {JOIN}\n{step}" if step else "")


#: Name, script, whether the receiver is behind the bad network too, what issue and product ask for.
ROWS = [
    ("0 %", way(UP_2M), False, "30 fps"),
    ("10 %", way(UP_2M, loss(10)), False, ""),
    ("30 %", way(UP_2M, loss(30)), False, "24 fps, no gap above 1 s"),
    ("50 %", way(UP_2M, loss(50)), False, "24 fps"),
    ("70 %", way(UP_2M, loss(70)), False, "24 fps"),
    ("80 %", way(UP_2M, loss(80)), False, "15 fps, p90 450 ms, no second without a picture"),
    ("80 %, bursts of 8", way(UP_2M, burst(80, 8)), False, "12 fps"),
    ("50 %, two hops", way(UP_2M, loss(50)), True, "20 fps"),
    ("300 kbps", way("rate_kbit = 300\nqueue_ms = 300\n"), False, "frozen 2 %, queue p95 150 ms"),
    (
        "1 M, 300 k, 1 M",
        way("rate_kbit = 1000\nqueue_ms = 300\n")
        + "[[step]]\nat_s = 30\nup.rate_kbit = 300\n[[step]]\nat_s = 45\nup.rate_kbit = 1000\n",
        False,
        "15 fps, full rate 5 s after",
    ),
]


class Row:
    """One network, with the programs on both sides of it."""

    def __init__(self, options, name, script, both_behind):
        self.options, self.name = options, name
        self.both_behind = both_behind
        self.folder = Path(options.work) / re.sub(r"\W+", "-", name)
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("*.jsonl"):
            old.unlink()
        (self.folder / "script.toml").write_text(script)
        self.running = []
        self.log = open(self.folder / "log", "w")

    def start(self, *command, **more):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.log, stdout=more.pop("stdout", self.log), **more)
        self.running.append(process)
        return process

    def stop(self):
        for process in reversed(self.running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

    def inside(self, host, program, *arguments):
        return ["ip", "netns", "exec", self.spaces[host], str(Path(self.options.programs) / program), *arguments]

    def run(self):
        try:
            return self.measure()
        finally:
            self.stop()

    def measure(self):
        path = Path(self.options.programs) / "confab-impair"
        impair = self.start(str(path), "run", "--script", str(self.folder / "script.toml"), "--realtime", "--with-parent", stdout=subprocess.PIPE, text=True)
        ready = json.loads(impair.stdout.readline())
        self.spaces, server = ready["namespaces"], ready["addresses"][1][0]
        lines = open(self.folder / "network.jsonl", "w")
        threading.Thread(target=lambda: [lines.write(line) for line in impair.stdout], daemon=True).start()
        config = self.folder / "confab.toml"
        config.write_text(f'listen = "{server}:443"\npublic_url = "https://{server}"\ndata_dir = "{self.folder}/data"\n[tls]\nself_signed = true\n')
        self.start(*self.inside(1, "confab-server", "serve", "--config", str(config)))
        link = self.meeting(config)
        seconds = self.options.seconds
        media = Path(self.options.media)
        times = self.folder / "times.jsonl"
        common = ["--insecure", "--join-timeout", "60s"]
        self.start(*self.inside(0 if self.both_behind else 1, "confab-headless", "join", link, "--name", "Bob", *common, "--video-times", str(times), "--stats-json", str(self.folder / "bob.jsonl"), "--for", f"{seconds + JOIN + WARM}s"))
        time.sleep(2)
        begin = time.time()
        ada = self.start(*self.inside(0, "confab-headless", "join", link, "--name", "Ada", *common, "--loop", "--camera-file", str(media / self.options.clip), "--camera-clock", "--mic-file", str(media / "speech-en.wav"), "--stats-json", str(self.folder / "ada.jsonl"), "--for", f"{seconds + JOIN - 4 + WARM}s"))
        ada.wait(seconds + WARM + 90)
        ended = time.time()
        impair.send_signal(signal.SIGTERM)
        impair.wait(5)
        lines.flush()
        return self.figures(times, ended - seconds, ended - 1)

    def meeting(self, config):
        command = self.inside(1, "confab-server", "meeting", "new", "--title", "Bench", "--config", str(config))
        for _ in range(100):
            text = subprocess.run(command, capture_output=True, text=True).stdout
            links = [w for w in text.split() if w.startswith("https://") and "#" not in w]
            if links:
                return links[0]
            time.sleep(0.1)
        raise SystemExit(f"{self.name}: the server makes no meeting; see {self.folder}/log")

    def figures(self, times, begin, end):
        shown, newest = [], None
        for line in times.read_text().splitlines():
            picture = json.loads(line)
            if picture["age_ms"] is None:
                continue
            taken = picture["at"] - picture["age_ms"]
            if newest is None or taken > newest:
                newest = taken
                if begin * 1000 <= picture["at"] <= end * 1000:
                    shown.append((picture["at"] / 1000, picture["age_ms"], picture["height"]))
        at = [begin] + [s[0] for s in shown] + [end]
        gaps = [b - a for a, b in zip(at, at[1:])]
        ages = sorted(s[1] for s in shown) or [0]
        network = [json.loads(l) for l in (self.folder / "network.jsonl").read_text().splitlines() if l.strip()]
        seconds = [l for l in network if l.get("type") == "second"]
        up = (seconds[-1]["up"]["bytes_in"] - seconds[JOIN + WARM]["up"]["bytes_in"]) * 8 / 1000 / max(1, len(seconds) - JOIN - WARM - 1) if len(seconds) > JOIN + WARM + 1 else 0
        summary = [l for l in network if l.get("type") == "summary"]
        late = summary[0]["up"]["late_ms"]["p95"] if summary else float("nan")
        queue = sorted(l["up"]["queue_ms"]["p95"] for l in seconds[JOIN + WARM :]) or [0]
        sent = [json.loads(l) for l in (self.folder / "ada.jsonl").read_text().splitlines()]
        video = [s.get("bitrate_kbps", 0) for s in sent if s.get("source") == "camera" and s["at"] / 1000 > begin]
        layers = max(1, len({s.get("layer") for s in sent if s.get("source") == "camera"}))
        heights = statistics.mode([s[2] for s in shown]) if shown else 0
        return {
            "row": self.name,
            "fps": round(len(shown) / (end - begin), 1),
            "p50": ages[len(ages) // 2],
            "p90": ages[len(ages) * 9 // 10],
            "longest": round(max(gaps), 2),
            "frozen": round(100 * sum(g for g in gaps if g > FREEZE) / (end - begin), 1),
            "rows": heights,
            "video": round(sum(video) / max(1, len(video)) * layers),
            "up": round(up),
            "queue": queue[len(queue) * 95 // 100],
            "late": late,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--media", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--clip", default="talking-head.y4m")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("needs_root: network namespaces are made")
    only = [o for o in options.only.split(";") if o]
    print("| network | fps | camera to screen p50 / p90, ms | longest gap, s | frozen, % of time | rows | video, kbps | all, kbps | queue p95, ms | machine late p95, ms | bar |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, script, both, bar in ROWS:
        if only and name not in only:
            continue
        f = Row(options, name, script, both).run()
        print(f"| {name} | {f['fps']} | {f['p50']} / {f['p90']} | {f['longest']} | {f['frozen']} | {f['rows']} | {f['video']} | {f['up']} | {f['queue']} | {f['late']} | {bar} |", flush=True)


if __name__ == "__main__":
    main()
