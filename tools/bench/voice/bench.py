"""The voice bench: `cargo xtask bench voice` calls it. Makes the scenes of a seed, runs every chain over them, and prints one table."""

import argparse
import json
import pickle
from collections import defaultdict
from pathlib import Path

import numpy as np

import engines
import scores
from scenes import scenes

#: Figures of the table: which scenes, which score, which way is better, the bar.
ROWS = [
    ("double talk 0 dB", "double0", "stoi", ">= .70"),
    ("double talk 0 dB", "double0", "deg", ">= 2.6"),
    ("double talk 0 dB", "double0", "echo", ">= 4.2"),
    ("double talk -10 dB", "double-10", "stoi", ">= .70"),
    ("double talk -10 dB", "double-10", "deg", ">= 2.6"),
    ("double talk -10 dB", "double-10", "echo", ">= 4.2"),
    ("far-end single talk", "far", "echo", ">= 4.4"),
    ("far-end single talk", "far", "erle", ""),
    ("move, 2 s after", "move", "erle", ">= 25"),
    ("slip of 12 ms at 120 ms delay", "slip120", "erle", ">= 30"),
    ("slip of -12 ms at 250 ms delay", "slip250", "erle", ">= 30"),
    ("first second after a slip", "slip", "first", ""),
    ("drift 100 ppm", "drift", "erle", ""),
    ("soft-clipped loudspeaker", "clip", "erle", ""),
    ("soft-clipped loudspeaker", "clip", "echo", ""),
    ("noise, all kinds", "noise", "ovrl", ">= 2.25"),
    ("noise, all kinds", "noise", "pesq", ">= 1.5"),
    ("noise, all kinds", "noise", "stoi", ">= .78"),
    ("clean near end", "near", "pesq", ">= 3.7"),
    ("clean near end", "near", "deg", ">= 3.0"),
    ("level steps", "levels", "spread", "<= 8"),
    ("level steps", "levels", "off", "<= 3"),
    ("level steps", "levels", "clipped", "<= .01"),
    ("loop at +3 dB", "howl", "excess", "<= 3"),
]
NOISE = ("fan", "babble", "keys")


def made(options):
    """Scenes take a minute to make, so they are kept."""
    path = options.cache / f"scenes-{options.seed}-{options.variants}.pickle"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(list(scenes(options.media, options.seed, options.variants))))
    return pickle.loads(path.read_bytes())


def run(scene, chains, lag):
    if scene["name"] == "howl":
        return scores.howl(scene, chains[True], 3.0)
    chain = chains[scene["name"] == "levels"]
    out = chain.run(scene["near"], scene["far"])
    return scores.score(scene, out, lag) | {"cpu": chain.cpu}


def measure(options):
    everything = made(options)
    only = {name for name in options.only.split(",") if name}
    if unknown := only - {s["name"] for s in everything}:
        raise SystemExit(f"unknown_scene: {', '.join(sorted(unknown))}; there are {', '.join(dict.fromkeys(s['name'] for s in everything))}")
    wanted = [s for s in everything if not only or s["name"] in only]
    table, cost = defaultdict(lambda: defaultdict(list)), {}
    reference = next(s for s in everything if s["name"] == "near")
    for name, chains in engines.engines(options.binary, options.engines.split(",")).items():
        lag = scores.lag_of(chains[False].run(reference["near"], reference["far"]), reference["clean"])
        cost[name] = {"delay": lag / 48}
        cpu = []
        for scene in wanted:
            said = run(scene, chains, lag)
            if scene["name"].startswith(("double", "far", "drift")) and "cpu" in said:
                cpu.append(said.pop("cpu"))
            if options.verbose:
                print(name, scene["name"], {k: round(float(v), 2) for k, v in said.items()}, flush=True)
            groups = [scene["name"]] + (["noise"] if scene["name"].startswith(NOISE) else []) + (["slip"] if scene["name"].startswith("slip") else [])
            for group in groups:
                for key, value in said.items():
                    table[group, key][name].append(float(value))
        cost[name]["cpu"] = float(np.median(cpu)) if cpu else float("nan")
        if name == "libwebrtc" and cpu:
            chains[False].run(reference["near"], reference["far"], on=False)
            cost[name]["cpu"] -= chains[False].cpu
    return table, cost


def show(table, cost, options):
    names = options.engines.split(",")
    print(f"\nseed {options.seed}, {options.variants} rooms and pairs of voices\n")
    print("| scene | figure | bar | " + " | ".join(names) + " |")
    print("|---|---|---|" + "---|" * len(names))
    for title, scene, key, bar in ROWS:
        values = table.get((scene, key))
        if values:
            print(f"| {title} | {key} | {bar} | " + " | ".join(f"{np.mean(values[n]):.2f}" for n in names) + " |")
    for key, bar in (("cpu", "µs per 10 ms"), ("delay", "ms")):
        print(f"| cost | {key} | {bar} | " + " | ".join(f"{cost[n][key]:.1f}" for n in names) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="the example voice_pipe")
    parser.add_argument("--media", type=Path, default=Path.home() / ".cache/confab/media")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/confab/bench-voice")
    parser.add_argument("--seed", type=int, default=1, help="odd: development voices; even: validation voices")
    parser.add_argument("--variants", type=int, default=3)
    parser.add_argument("--engines", default="ours,libwebrtc,sonora")
    parser.add_argument("--only", default="", help="scene names, with commas")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--json", type=Path, help="also writes all figures there")
    options = parser.parse_args()
    table, cost = measure(options)
    show(table, cost, options)
    if options.json:
        flat = {f"{scene}/{key}": dict(values) for (scene, key), values in table.items()}
        options.json.write_text(json.dumps({"cost": cost, "table": flat}, indent=1))


if __name__ == "__main__":
    main()
