"""What a chain's output is worth: perceptual models that need no listeners (AECMOS, DNSMOS), the classic comparisons (PESQ, STOI), and plain levels."""

import numpy as np
from pesq import pesq
from pystoi import stoi
from scipy.signal import correlate, resample_poly
from speechmos import aecmos, dnsmos

from scenes import FRAME, LEVELS, RATE, level


def low(samples):
    return np.clip(resample_poly(samples, 1, 3), -1, 1).astype(np.float32)


def aligned(out, lag):
    """`out` without the chain's delay."""
    return np.concatenate([out[lag:], np.zeros(lag)]) if lag > 0 else out


def lag_of(out, clean):
    most = 4800
    values = correlate(out, clean, mode="full", method="fft")
    middle = len(clean) - 1
    return int(np.argmax(values[middle : middle + most]))


def aec(scene, out, kind):
    start = int(scene["start"] * RATE)
    part = {"lpb": low(scene["far"][start:]), "mic": low(scene["near"][start:]), "enh": low(out[start:])}
    said = aecmos.run(part, 16_000, talk_type=kind)
    return said["echo_mos"], said["deg_mos"]


def compare(scene, out):
    start = int(scene["start"] * RATE)
    clean, heard = low(scene["clean"][start:]), low(out[start:])
    try:
        quality = pesq(16_000, clean, heard, "wb")
    except Exception:  # no speech found in what is left
        quality = 1.0
    return quality, stoi(clean, heard, 16_000, extended=False)


def power(samples):
    return 10 * np.log10((samples.astype(np.float64) ** 2).mean() + 1e-12)


def erle(scene, out, start, end):
    part = slice(int(start * RATE), int(end * RATE))
    return power(scene["near"][part]) - power(out[part])


def score(scene, out, lag):
    """All figures of one scene."""
    name, end = scene["name"], len(out) / RATE
    if name == "howl":
        raise ValueError("loops have their own score")
    if name == "levels":
        return levels(out)
    out = aligned(out, lag)
    if name.startswith("double"):
        echo, degradation = aec(scene, out, "dt")
        quality, clear = compare(scene, out)
        return {"echo": echo, "deg": degradation, "pesq": quality, "stoi": clear}
    if not scene["clean"].any():
        said = {"echo": aec(scene, out, "st")[0], "erle": erle(scene, out, scene["start"], end)}
        if "event" in scene:
            event = scene["event"]
            said |= {"erle": erle(scene, out, event + 2, event + 5), "first": erle(scene, out, event, event + 1)}
        if name == "drift":
            said["erle"] = erle(scene, out, 8, end)
        return said
    quality, clear = compare(scene, out)
    said = {"pesq": quality, "stoi": clear}
    start = int(scene["start"] * RATE)
    if name == "near":
        said["deg"] = aec(scene, out, "nst")[1]
    said["ovrl"] = dnsmos.run(low(out[start:]), 16_000)["ovrl_mos"]
    return said


def levels(out):
    """Level of each step from one second after it began."""
    found = [level(out[(6 * i + 1) * RATE : 6 * (i + 1) * RATE]) for i in range(len(LEVELS))]
    target = np.median(found)
    return {
        "spread": max(found) - min(found),
        "off": float(np.mean(np.abs(np.array(found) - target))),
        "off20": float(np.mean(np.abs(np.array(found) + 20))),
        "clipped": 100 * float((np.abs(out) >= 0.9999).mean()),
    }


def howl(scene, chain, gain_db):
    """Closes the loop and tells how much louder than without it the chain sends: while someone talks, and afterwards."""
    open_out = chain.run(scene["near"], scene["far"])
    frame, close = chain.step()
    way = scene["loop"] * 10 ** (gain_db / 20)
    lag = int(scene["loop_delay"] * RATE)
    n = len(scene["near"])
    back = np.zeros(n + lag + len(way) + FRAME)
    out = np.zeros(n)
    spectrum = np.fft.rfft(way, 1 << 15)
    for at in range(0, n, FRAME):
        heard = np.clip(scene["near"][at : at + FRAME] + back[at : at + FRAME], -1, 1)
        out[at : at + FRAME] = frame(heard, scene["far"][at : at + FRAME])
        tail = np.fft.irfft(np.fft.rfft(out[at : at + FRAME], 1 << 15) * spectrum, 1 << 15)[: FRAME + len(way)]
        back[at + lag : at + lag + len(tail)] += tail
    close()
    start = int(scene["start"] * RATE)
    usual = power(open_out[4 * RATE : start])
    return {"excess": max(power(out[4 * RATE : start]), power(out[start + 3 * RATE :])) - usual}
