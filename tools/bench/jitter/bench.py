"""The jitter bench: `cargo xtask bench jitter` calls it. Sends voices through losses with each step of the redundancy ladder, and beside them plain Opus and single copies, scores what comes
out, and prints one table.

What was played is judged by PLCMOS (a model of listeners, made for concealment). STOI compares each frame with the source where it belongs, so that stretching, which moves sound but does not
harm it, does not count."""

import argparse
import json
import subprocess
import wave
from pathlib import Path

import numpy as np
from pystoi import stoi
from scipy.signal import correlate, resample_poly
from speechmos import plcmos

RATE = 48_000
#: Seconds of one score: PLCMOS was trained on short clips.
PIECE = 10
#: Name, loss, mean burst length (0: each packet by itself), what the sender does: the steps of `SENDER` in crates/congestion/src/voice_ladder.rs, and what others do.
LBRR = "kbps=32 fec=1 expected=.1"
COPIES = "kbps=16 copies=1,2,3"
SPREAD = "kbps=16 copies=2,4,6"
MORE = "kbps=12 copies=1,2,3,4,5,6"
DEEP = "kbps=60 deep=1000 expected=.8"
ROWS = [
    ("clear", 0.0, 0, "kbps=32"),
    ("lbrr", 0.05, 0, LBRR),
    ("lbrr", 0.10, 0, LBRR),
    ("one copy", 0.10, 0, "kbps=24 copies=1"),
    ("plain Opus", 0.10, 0, "kbps=32"),
    ("copies", 0.30, 0, COPIES),
    ("copies, spread", 0.30, 4, SPREAD),
    ("plain Opus", 0.30, 0, "kbps=32"),
    ("one copy", 0.30, 0, "kbps=32 copies=1"),
    ("more copies", 0.50, 0, MORE),
    ("plain Opus", 0.50, 0, "kbps=32"),
    ("one copy", 0.50, 0, "kbps=32 copies=1"),
    ("deep", 0.80, 0, DEEP),
    ("plain Opus", 0.80, 0, "kbps=32"),
]


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64) / 32768


def low(samples):
    return np.clip(resample_poly(samples, 1, 3), -1, 1)


def pieces(samples):
    size = PIECE * RATE
    return [samples[at : at + size] for at in range(0, len(samples) - size + 1, size)]


def lag(out, source):
    """Samples by which the codec delays."""
    values = correlate(out[: 5 * RATE], source[: 5 * RATE], mode="full", method="fft")
    middle = 5 * RATE - 1
    return int(np.argmax(values[middle : middle + 960]))


def link(options, source, row, out):
    _, loss, burst, words = row
    command = [str(options.binary), str(source), str(out), f"loss={loss}", f"burst={burst}", f"seed={options.seed}", f"seconds={options.seconds}"]
    done = subprocess.run(command + words.split(), capture_output=True, check=True)
    return json.loads(done.stdout)


def scores(source, out):
    played, media, clean = read(out), read(out.with_suffix(".media.wav")), read(source)
    # The first piece is the start, when nothing was learned yet.
    mos = [plcmos.run(low(p), 16_000)["plcmos"] for p in pieces(played[2 * RATE :])]
    delay = lag(media, clean)
    size = min(len(media) - delay, len(clean))
    pairs = zip(pieces(clean[:size]), pieces(media[delay : delay + size]))
    return {"plcmos": np.mean(mos), "stoi": np.mean([stoi(low(a), low(b), 16_000) for a, b in pairs])}


def measure(options, row):
    found = []
    for voice in options.voices.split(","):
        source = options.media / f"speech-{voice}.wav"
        out = options.work / "out.wav"
        said = link(options, source, row, out)
        found.append(said | scores(source, out))
    return {key: float(np.mean([f[key] for f in found])) for key in found[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--media", type=Path, default=Path.home() / ".cache/confab/media")
    parser.add_argument("--work", type=Path, default=Path("/tmp"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=32)
    parser.add_argument("--voices", default="en,fr")
    parser.add_argument("--row", action="append", help="name;loss;burst;settings of the sender, in place of the table's")
    options = parser.parse_args()
    rows = ROWS
    if options.row:
        split = [r.split(";") for r in options.row]
        rows = [(name, float(loss), float(burst), words) for name, loss, burst, words in split]
    print("| sender | loss % | burst | kbps | with headers | came % | copy % | LBRR % | described % | concealed % | delay ms | p95 | PLCMOS | STOI |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        m = measure(options, row)
        share = [f"{m[k] * 100:.1f}" for k in ("came", "red", "lbrr", "deep", "concealed")]
        cells = [row[0], f"{m['loss'] * 100:.0f}", f"{row[2]:g}", f"{m['kbps']:.0f}", f"{m['kbps_with_headers']:.0f}", *share]
        cells += [f"{m['delay_ms']:.0f}", f"{m['delay_p95_ms']:.0f}", f"{m['plcmos']:.2f}", f"{m['stoi']:.3f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
