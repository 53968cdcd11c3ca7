"""How good the pictures look that a receiver was shown: each is put beside the picture of the clip it was made from, and both go through ffmpeg's libvmaf (SSIM and VMAF). Which it was is told by the time burnt into it and
by the clip's own pictures: the clip runs by the clock, so one number says where in it any time is.

Wants numpy and imageio-ffmpeg (an ffmpeg with libvmaf); without them nothing is said of quality."""

import json
import subprocess

try:
    import imageio_ffmpeg
    import numpy
except ImportError:
    numpy = None

#: As in crates/picture/src/mark.rs.
COLUMNS, ROWS, PARTS, START = 20, 3, 15, 0b1010
#: Pictures judged at most, and pictures the place in the clip is told from.
MOST, PROBES = 600, 12


class Clip:
    """Pictures of a Y4M file, 4:2:0, as luma and whole."""

    def __init__(self, path):
        self.data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
        head = bytes(self.data[:256]).split(b"\n")[0]
        words = head.decode().split()
        self.width, self.height = (int(next(w[1:] for w in words if w[0] == key)) for key in "WH")
        over, under = next(w[1:] for w in words if w[0] == "F").split(":")
        self.rate = int(over) / int(under)
        self.first, self.size = len(head) + 1, self.width * self.height * 3 // 2
        self.count = (len(self.data) - self.first) // (self.size + 6)

    def picture(self, index):
        at = self.first + index * (self.size + 6) + 6
        return self.data[at : at + self.size]

    def luma(self, index):
        return self.picture(index)[: self.width * self.height].reshape(self.height, self.width)

    def below_mark(self, index):
        """The three planes without the rows of the mark, as bytes."""
        whole, cut = self.picture(index), self.height * ROWS // PARTS // 2 * 2
        luma, chroma = self.width * self.height, self.width * self.height // 4
        planes = [whole[self.width * cut : luma]]
        planes += [whole[luma + i * chroma + self.width // 2 * cut // 2 : luma + (i + 1) * chroma] for i in range(2)]
        return b"".join(p.tobytes() for p in planes)


def crc16(body):
    crc = 0xFFFF
    for i in reversed(range(44)):
        bit = (body >> i & 1) ^ crc >> 15
        crc = (crc << 1 ^ (0x1021 if bit else 0)) & 0xFFFF
    return crc


def mark(luma):
    """The number burnt into a picture; `None` where there is none."""
    height, width = luma.shape
    bits = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            (x0, x1), (y0, y1) = middle(width, COLUMNS, column), middle(height, PARTS, row)
            bits = bits << 1 | int(luma[y0:y1, x0:x1].mean() > 125)
    body = bits >> 16
    return body & 0xFFFFFFFF if body >> 40 == START and crc16(body) == bits & 0xFFFF else None


def middle(length, parts, index):
    start, end = length * index // parts, length * (index + 1) // parts
    quarter = (end - start) // 4
    return start + quarter, max(end - quarter, start + quarter + 1)


def judge(recorded, source, begin, end):
    """SSIM and VMAF of the pictures taken between two times of day; `None` without the means."""
    if numpy is None or not recorded.exists():
        return None
    seen, clip = Clip(recorded), Clip(source)
    if (seen.width, seen.height) != (clip.width, clip.height):
        return None
    marks = [(i, mark(seen.luma(i))) for i in range(seen.count)]
    low, length = int(begin * 1000) & 0xFFFFFFFF, int((end - begin) * 1000)
    marks = [(i, m) for i, m in marks if m is not None and (m - low) & 0xFFFFFFFF <= length]
    if len(marks) < PROBES:
        return None
    marks = marks[:: max(1, len(marks) // MOST)]
    place = Place(seen, clip, marks)
    folder = recorded.parent
    pairs = [(i, place.of(i, m)) for i, m in marks]
    for name, reader, side in [("seen", seen, 0), ("clip", clip, 1)]:
        with open(folder / f"{name}.judge.y4m", "wb") as file:
            rows = clip.height - clip.height * ROWS // PARTS // 2 * 2
            file.write(f"YUV4MPEG2 W{clip.width} H{rows} F30:1 Ip A1:1 C420mpeg2\n".encode())
            for pair in pairs:
                file.write(b"FRAME\n" + reader.below_mark(pair[side]))
    return scores(folder)


class Place:
    """Where in the clip a time of day is."""

    def __init__(self, seen, clip, marks):
        self.seen, self.clip = seen, clip
        self.small = [self.shrink(clip.luma(i)) for i in range(clip.count)]
        probes = marks[:: max(1, len(marks) // PROBES)]
        votes = [(self.best(i, range(clip.count)) - self.due(m)) % clip.count for i, m in probes]
        # Neighbours count together: a picture is taken up to one later than it was due.
        near = lambda v: sum(min((v - o) % clip.count, (o - v) % clip.count) <= 1 for o in votes)
        self.offset = max(votes, key=near)

    def due(self, milliseconds):
        return round(milliseconds * self.clip.rate / 1000)

    def shrink(self, luma):
        cut = luma.shape[0] * ROWS // PARTS
        return luma[cut::4, ::4].astype(numpy.float32)

    def best(self, index, among):
        small = self.shrink(self.seen.luma(index))
        return min(among, key=lambda i: float(((self.small[i] - small) ** 2).mean()))

    def of(self, index, milliseconds):
        about = self.due(milliseconds) + self.offset
        return self.best(index, [(about + d) % self.clip.count for d in (-1, 0, 1)])


def scores(folder):
    log = folder / "judge.json"
    seen, clip = folder / "seen.judge.y4m", folder / "clip.judge.y4m"
    graph = f"libvmaf=feature=name=float_ssim:log_fmt=json:log_path={log}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", seen, "-i", clip, "-lavfi", graph, "-f", "null", "-"]
    subprocess.run([str(c) for c in command], check=True)
    pooled = json.loads(log.read_text())["pooled_metrics"]
    for file in (seen, clip, log):
        file.unlink()
    return round(pooled["float_ssim"]["mean"], 3), round(pooled["vmaf"]["mean"])
