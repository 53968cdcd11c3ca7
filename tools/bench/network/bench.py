"""The network bench: `cargo xtask bench network` calls it. A real server and real participants in two network namespaces with a bad network between them (`confab-impair`), one row of rows.py after the other, and a table of each kind.

The sender plays a clip in which every picture says when it was taken (`--camera-clock`); the receiver notes when it shows which (`--video-times`). Both are on one machine, so the difference is the time from camera to screen. Only pictures newer
than all before count. Needs root; iperf3 for the row beside TCP; node, Chromium and the packages of tests/browser for those with browsers."""

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import quality
from link import Link
from rows import GROWS, JOIN, JOIN_BROWSER, ROWS, SHRINKS, WARM
from seen import Seen, participant, sent_kbps, speech

HERE = Path(__file__).parent
TALKING, STREET, FILM = "talking-head.y4m", "street.y4m", "film-720p.y4m"
#: Ethernet's share of headers in what iperf3 counts: IP, TCP and its timestamps in a packet of 1500 bytes.
TCP_HEADERS = 1500 / 1448


def camera(options, clip, voice=None):
    speaks = ["--mic-file", str(options.media / voice)] if voice else []
    return ["--loop", "--camera-file", str(options.media / clip), "--camera-clock", *speaks]


def pair(link, row, options, seconds):
    """One sends, the other receives."""
    meeting = link.server()
    times, pictures = link.folder / "times.jsonl", link.folder / "pictures"
    link.native(0 if row.both_behind else 1, meeting, "Bob", "--video-times", str(times), "--video-out", str(pictures), "--max-height", "360")
    time.sleep(2)
    link.native(0, meeting, "Ada", *camera(options, TALKING, "speech-en.wav"))
    begin, end = link.begin + JOIN + WARM, link.begin + JOIN + WARM + seconds
    link.sleep_until(JOIN + WARM + seconds + 1)
    found = {
        "row": row.name,
        "video": sent_kbps(link.folder / "Ada.jsonl", begin, end),
        "up": link.kbps("up", begin, end),
        "queue": link.queue("up", begin, end),
        "late": link.late(begin, end),
        "bar": row.bar,
    }
    steps = [link.stepped(n) for n in (1, 2)] if row.least else []
    return lambda: found | seen_by_bob(link.folder, options, begin, end, steps)


def seen_by_bob(folder, options, begin, end, steps):
    seen = Seen(folder / "times.jsonl")
    found = seen.figures(begin, end)
    recorded = next((folder / "pictures").glob("*.y4m"), folder / "none")
    judged = quality.judge(recorded, options.media / TALKING, begin, end)
    recorded.unlink(missing_ok=True)
    found["ssim"], found["vmaf"] = judged or ("", "")
    found["again"] = ""
    if steps:
        before = seen.figures(begin, steps[0])
        found["again"] = seen.steady_from(before["rows"], 0.9 * before["fps"], steps[1], end)
    return found


PAIR = [
    ("network", "row"), ("fps", "fps"), ("fewest in a second", "slowest"), ("camera to screen p50 / p90, ms", "p50 p90"), ("longest gap, s", "longest"), ("frozen, % of time", "frozen"), ("all again after, s", "again"),
    ("rows", "rows"), ("SSIM", "ssim"), ("VMAF", "vmaf"), ("video, kbps", "video"), ("all, kbps", "up"), ("queue p95, ms", "queue"), ("machine late p95, ms", "late"), ("bar", "bar"),
]  # fmt: skip


def four(link, row, options, seconds):
    """Three with cameras behind the network, and one before it whose way down shrinks and grows again."""
    meeting = link.server()
    folder = link.folder
    link.native(0, meeting, "Bob", "--video-times", str(folder / "bob-times.jsonl"), "--max-height", "360")
    link.native(1, meeting, "Cy", *camera(options, STREET), "--video-times", str(folder / "cy-times.jsonl"), "--max-height", "360")
    link.native(1, meeting, "Dee", *camera(options, TALKING))
    time.sleep(1)
    link.native(1, meeting, "Ada", *camera(options, TALKING, "speech-en.wav"))
    link.sleep_until(JOIN + WARM + seconds + 1)
    begin, end = link.begin + JOIN + WARM, link.begin + JOIN + WARM + seconds
    shrinks, grows = link.stepped(1), link.stepped(2)
    found = {"row": row.name, "queue": link.queue("down", shrinks + 1, grows), "late": link.late(begin, end), "bar": row.bar}

    def figures():
        at_bob = {n: Seen(folder / "bob-times.jsonl", participant(folder / "Bob.jsonl", n)) for n in ("Ada", "Cy", "Dee")}
        at_cy = Seen(folder / "cy-times.jsonl", participant(folder / "Cy.jsonl", "Ada"))
        stalled, invented = speech(folder / "Bob.jsonl", shrinks, grows)
        before, limited = at_cy.figures(begin, shrinks), at_cy.figures(shrinks, grows)
        back = {n: s.steady_from(s.figures(begin, shrinks)["rows"], 20, grows, end) for n, s in at_bob.items()}
        return found | {
            "smaller": max(s.last_with(300, shrinks, grows) for s in at_bob.values()),
            "speaker": at_bob["Ada"].figures(shrinks + 3, grows)["fps"],
            "stalled": stalled,
            "invented": invented,
            "others": f"{before['fps']}, {before['rows']} / {limited['fps']}, {limited['rows']}",
            "back": back["Ada"],
            "all": max(back.values()),
        }

    return figures


FOUR = [
    ("network", "row"), ("the large pictures end after, s", "smaller"), ("the speaker then, fps", "speaker"), ("speech stalled, % of time", "stalled"), ("invented, %", "invented"), ("another's fps and rows before / then", "others"),
    ("the speaker as before after, s", "back"), ("all as before after, s", "all"), ("queue p95, ms", "queue"), ("machine late p95, ms", "late"), ("bar", "bar"),
]  # fmt: skip


def tcp(link, row, options, seconds):
    """A native with a large camera, and beside it a TCP flow of the kernel's."""
    if not shutil.which("iperf3"):
        raise SystemExit("iperf3 is missing: apt install iperf3")
    meeting = link.server()
    times = link.folder / "times.jsonl"
    link.native(1, meeting, "Bob", "--video-times", str(times))
    link.native(0, meeting, "Ada", *camera(options, FILM, "speech-en.wav"))
    report = link.folder / "iperf.json"
    link.start(1, "iperf3", "-s", "-1", "-J", "--logfile", str(report))
    link.sleep_until(JOIN + 4)
    begin = time.time()
    link.start(0, "iperf3", "-c", link.addresses[1], "-t", str(seconds + 10), "-C", "cubic")
    link.sleep_until(JOIN + 4 + seconds + 14)
    intervals = [i["sum"] for i in json.loads(report.read_text())["intervals"]]
    counted = [i for i in intervals if 10 <= i["start"] < seconds + 9]
    theirs = sum(i["bytes"] for i in counted) * 8 / 1000 / len(counted) * TCP_HEADERS
    window = begin + 10, begin + 10 + len(counted)
    out = link.kbps("up", *window, "bytes_out")
    found = {
        "row": row.name,
        "ours": round(out - theirs),
        "theirs": round(theirs),
        "share": round(100 * (out - theirs) / out),
        "queue": link.queue("up", *window),
        "late": link.late(*window),
        "bar": row.bar,
    }
    return lambda: found | Seen(times).figures(*window)


TCP = [
    ("network", "row"), ("ours, kbps", "ours"), ("TCP, kbps", "theirs"), ("our share, %", "share"), ("fps", "fps"), ("frozen, % of time", "frozen"), ("rows", "rows"), ("queue p95, ms", "queue"), ("machine late p95, ms", "late"), ("bar", "bar"),
]  # fmt: skip


def browsers(link, row, options, seconds):
    """A Chromium on each side: with each other directly, or both guests of a meeting. What each is shown of the other."""
    command = ["node", str(HERE / "chromium.mjs"), row.kind, *link.spaces, str(link.folder)]
    files = [str(options.media / TALKING), str(options.media / "speech-en.wav")]
    meeting = [link.server()] if row.kind == "guests" else []
    process = link.spawn([*command, *files, *meeting], stdout=subprocess.PIPE, text=True)
    if process.stdout.readline().strip() != "there":
        raise RuntimeError(f"the browsers did not meet; see {link.folder}/log")
    if time.time() > link.begin + JOIN_BROWSER:
        print(f"{row.name}: they met {time.time() - link.begin:.0f} s after the start, on the bad network", flush=True)
    begin, end = link.begin + JOIN_BROWSER + WARM, link.begin + JOIN_BROWSER + WARM + seconds
    link.sleep_until(JOIN_BROWSER + WARM + seconds + 1)
    said = [json.loads(l) for l in (link.folder / "browsers.jsonl").read_text().splitlines() if l.endswith("}")]
    places = {1: "sender behind it", 0: "receiver behind it"} if row.kind == "guests" else {1: "one way", 0: "the other"}

    def of(side):
        # What is shown beside the server came up.
        way = "up" if side == 1 else "down"
        sent = {"all": link.kbps(way, begin, end), "queue": link.queue(way, begin, end), "late": link.late(begin, end)}
        return {"row": f"{row.name}, {places[side]}", "bar": row.bar} | sent | shown(said, side, begin, end)

    found = [of(1), of(0)]
    return lambda: found


def shown(said, side, begin, end):
    of_side = [s for s in said if s["side"] == side and begin <= s["at"] / 1000 <= end]
    first, last = of_side[0], of_side[-1]
    passed = (last["at"] - first["at"]) / 1000
    gained = {k: last[k] - first[k] for k in ("frames", "freezes", "frozen", "bytes", "invented", "samples")}
    # A freeze counts for the browser only when it is over.
    ended = next((s["at"] for s in of_side if s["frames"] == last["frames"]), last["at"])
    standing = (last["at"] - ended) / 1000
    frozen = gained["frozen"] + (standing if standing > 1 else 0)
    return {
        "made": made([s for s in said if s["side"] != side and begin <= s["at"] / 1000 <= end]),
        "fps": round(gained["frames"] / passed, 1),
        "freezes": round(gained["freezes"]),
        "frozen": round(100 * frozen / passed, 1),
        "rows": last["rows"],
        "by": ", then ".join(dict.fromkeys(s["way"] for s in of_side)),
        "video": round(gained["bytes"] * 8 / 1000 / passed),
        "invented": round(100 * gained["invented"] / max(1, gained["samples"]), 1),
    }


def made(of_sender):
    """Pictures a second and key frames a minute of the layer the sender encoded most of: a busy machine shows here, and not in what got lost."""
    first, last = of_sender[0], of_sender[-1]
    minutes = (last["at"] - first["at"]) / 60_000
    before = {s["rid"]: s for s in first["sends"]}
    gained = [(s["frames"] - b["frames"], s["keys"] - b["keys"]) for s in last["sends"] if (b := before.get(s["rid"]))]
    frames, keys = max(gained, default=(0, 0))
    return f"{frames / minutes / 60:.1f}, {keys / minutes:.0f}"


BROWSERS = [
    ("network", "row"), ("made, fps, and key frames a minute", "made"), ("fps", "fps"), ("freezes", "freezes"), ("frozen, % of time", "frozen"), ("rows", "rows"), ("by", "by"), ("video that came, kbps", "video"), ("speech invented, %", "invented"), ("all sent, kbps", "all"), ("queue p95, ms", "queue"),
    ("machine late p95, ms", "late"), ("bar", "bar"),
]  # fmt: skip

KINDS = {"pair": (pair, PAIR), "four": (four, FOUR), "tcp": (tcp, TCP), "direct": (browsers, BROWSERS), "guests": (browsers, BROWSERS)}


def run(row, options):
    measure, _ = KINDS[row.kind]
    folder = Path(options.work) / re.sub(r"\W+", "-", row.name)
    with Link(options.programs, folder, row.script) as link:
        figures = measure(link, row, options, max(options.seconds, row.least))
    # What was written is whole only when its writers have ended.
    found = figures()
    return found if isinstance(found, list) else [found]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--media", required=True, type=Path)
    parser.add_argument("--work", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="", help="names of rows, with semicolons")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("needs_root: network namespaces are made")
    only = [o for o in options.only.split(";") if o]
    unknown = set(only) - {row.name for row in ROWS}
    if unknown:
        raise SystemExit(f"no such network: {', '.join(unknown)}. There are: {'; '.join(row.name for row in ROWS)}")
    head = None
    for row in ROWS:
        if only and row.name not in only:
            continue
        columns = KINDS[row.kind][1]
        if columns is not head:
            head = columns
            print(f"\n| {' | '.join(name for name, _ in columns)} |\n|{'---|' * len(columns)}", flush=True)
        try:
            rows = run(row, options)
        except (RuntimeError, ValueError, IndexError, StopIteration) as error:
            # One network that says nothing is no reason to measure none of the others.
            print(f"| {row.name} | failed: {error!r} |", flush=True)
            continue
        for found in rows:
            cells = (" / ".join(str(found[key]) for key in keys.split()) for _, keys in columns)
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
