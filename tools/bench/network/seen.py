"""What a native was shown, and what it says of itself: figures from `--video-times` and `--stats-json`."""

import json
import statistics

#: A gap this long is a freeze, seconds.
FREEZE = 0.2


def lines(path):
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


class Seen:
    """Pictures of one participant that were newer than all before: (time of day, age in ms, rows)."""

    def __init__(self, path, participant=None):
        self.shown, newest = [], None
        for picture in lines(path):
            if picture["age_ms"] is None or participant not in (None, picture["participant"]):
                continue
            taken = picture["at"] - picture["age_ms"]
            if newest is None or taken > newest:
                newest = taken
                self.shown.append((picture["at"] / 1000, picture["age_ms"], picture["height"]))

    def between(self, begin, end):
        return [s for s in self.shown if begin <= s[0] <= end]

    def figures(self, begin, end):
        shown = self.between(begin, end)
        at = [begin] + [s[0] for s in shown] + [end]
        gaps = [b - a for a, b in zip(at, at[1:])]
        ages = sorted(s[1] for s in shown) or [0]
        return {
            "fps": round(len(shown) / (end - begin), 1),
            "slowest": self.slowest(begin, end),
            "p50": ages[len(ages) // 2],
            "p90": ages[len(ages) * 9 // 10],
            "longest": round(max(gaps), 2),
            "frozen": round(100 * sum(g for g in gaps if g > FREEZE) / (end - begin), 1),
            "rows": statistics.mode([s[2] for s in shown]) if shown else 0,
        }

    def slowest(self, begin, end):
        """The fewest pictures in any second."""
        times = [s[0] for s in self.between(begin, end)]
        starts = [begin + i / 10 for i in range(int((end - begin - 1) * 10) + 1)]
        return min((sum(s <= t < s + 1 for t in times) for s in starts), default=0)

    def last_with(self, rows, begin, end):
        """Seconds after `begin` until the last picture with so many rows or more; 0: there was none."""
        return round(max((s[0] - begin for s in self.between(begin, end) if s[2] >= rows), default=0), 1)

    def steady_from(self, rows, fps, begin, end):
        """Seconds after `begin` until a second with so many pictures of so many rows began."""
        times = [s[0] for s in self.between(begin, end) if s[2] >= rows]
        for start in times:
            if sum(start <= t < start + 1 for t in times) >= fps:
                return round(start - begin, 1)
        return float("inf")


def sent_kbps(path, begin, end):
    """Of all layers of the camera together, its own payload."""
    of_camera = [s for s in lines(path) if s.get("source") == "camera" and s["direction"] == "send" and begin < s["at"] / 1000 <= end]
    moments = len({s["at"] for s in of_camera})
    return round(sum(s["bitrate_kbps"] for s in of_camera) / max(1, moments))


def participant(path, name):
    """The number of a participant by its name, as another one knows it."""
    return next((s["participant"] for s in lines(path) if s.get("name") == name), None)


def speech(path, begin, end):
    """Share of the time in which speech stood still for 200 ms or more, and of what was played that was invented; both in percent."""
    heard = [s for s in lines(path) if s.get("source") == "microphone" and s["direction"] == "receive" and begin <= s["at"] / 1000 <= end]
    if len(heard) < 2:
        return float("nan"), float("nan")
    first, last = heard[0], heard[-1]
    stalled = (last["stall_ms"] - first["stall_ms"]) / (last["at"] - first["at"])
    invented = (last["concealed_samples"] - first["concealed_samples"]) / max(1, last["samples"] - first["samples"])
    return round(100 * stalled, 1), round(100 * invented, 1)
