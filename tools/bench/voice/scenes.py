"""Scenes for the voice bench: speech in rooms, with everything that makes echo cancelling hard. All come from a seed; nothing is recorded but the voices.

A scene is a dict: near (what the microphone hears), far (what the speaker was given), clean (the near talker alone, as the microphone hears him), and marks
(seconds at which something happens or a score begins)."""

import wave
from pathlib import Path

import numpy as np
import pyroomacoustics as pra
from scipy.signal import fftconvolve, resample_poly

RATE = 48_000
FRAME = 480


def read_wav(path):
    with wave.open(str(path)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64) / 32768
    samples = samples.reshape(-1, channels)[:, 0]
    return samples if rate == RATE else resample_poly(samples, RATE, rate)


def level(samples):
    """Level of active speech in dB below full scale: frames of 20 ms within 25 dB of the loudest."""
    power = (samples[: len(samples) // 960 * 960].reshape(-1, 960) ** 2).mean(axis=1)
    if power.max() <= 0:
        return -120.0
    active = power[power > power.max() * 10**-2.5]
    return 10 * np.log10(active.mean() + 1e-12)


def to_level(samples, db):
    return samples * 10 ** ((db - level(samples)) / 20)


class Maker:
    """Draws rooms and voices. Development and validation seeds use different halves of each recording, and their own rooms."""

    VOICES = ["en", "fr", "it", "ru"]

    def __init__(self, media, seed):
        self.dice = np.random.default_rng(seed)
        self.voices = []
        for name in self.VOICES:
            samples = read_wav(Path(media) / f"speech-{name}.wav")
            half = len(samples) // 2
            self.voices.append(samples[:half] if seed % 2 == 1 else samples[half:])

    def speech(self, voice, seconds):
        source = self.voices[voice % len(self.voices)]
        want = int(seconds * RATE)
        start = int(self.dice.integers(0, max(1, len(source) - want)))
        return to_level(source[start : start + want], -26)

    def room(self):
        size = self.dice.uniform([3.0, 3.0, 2.4], [6.0, 5.0, 3.0])
        rt60 = self.dice.uniform(0.25, 0.5)
        absorption, order = pra.inverse_sabine(rt60, size)
        mic = np.array([self.dice.uniform(1.2, size[0] - 1.2), self.dice.uniform(1.2, size[1] - 1.2), self.dice.uniform(0.75, 1.0)])
        return {"size": size, "absorption": absorption, "order": min(order, 40), "mic": mic}

    def path(self, room, distance):
        """Impulse response from a point at `distance` metres to the microphone; the direct sound has gain 1."""
        angle, lift = self.dice.uniform(0, 2 * np.pi), self.dice.uniform(-0.1, 0.4)
        offset = distance * np.array([np.cos(angle) * np.cos(lift), np.sin(angle) * np.cos(lift), np.sin(lift)])
        source = np.clip(room["mic"] + offset, 0.1, room["size"] - 0.1)
        shoebox = pra.ShoeBox(room["size"], fs=RATE, materials=pra.Material(room["absorption"]), max_order=room["order"])
        shoebox.add_source(source)
        shoebox.add_microphone(room["mic"])
        shoebox.compute_rir()
        response = np.asarray(shoebox.rir[0][0])[: RATE // 2]
        return response / np.abs(response).max()

    def hiss(self, count, db=-72):
        return self.dice.standard_normal(count) * 10 ** (db / 20)


def through(signal, response):
    return fftconvolve(signal, response)[: len(signal)]


def delayed(signal, seconds):
    n = int(round(seconds * RATE))
    return np.concatenate([np.zeros(n), signal])[: len(signal)]


def drifted(signal, ppm):
    """The signal as a clock hears it that is `ppm` slower than its player's."""
    n = len(signal)
    padded = np.concatenate([signal, np.zeros(4800)])
    positions = np.arange(n) * (1 + ppm * 1e-6)
    whole = np.floor(positions).astype(int)
    fraction = positions - whole
    out = np.zeros(n)
    for tap in range(-31, 33):
        x = tap - fraction
        window = np.cos(np.pi * x / 66).clip(0) ** 2
        out += padded[np.clip(whole + tap, 0, len(padded) - 1)] * np.sinc(x) * window
    return out


def scene(name, near, far, clean, **marks):
    n = min(len(near), len(far)) // FRAME * FRAME
    peak = np.abs(near[:n]).max()
    assert peak < 4, name
    clean = np.zeros(n) if clean is None else clean[:n]
    return {"name": name, "near": np.clip(near[:n], -1, 1).astype(np.float32), "far": far[:n].astype(np.float32), "clean": clean.astype(np.float32), **marks}


def echo_scenes(make, variant):
    """Far-end single talk and double talk, plain and made hard."""
    far = make.speech(variant, 15)
    talk = make.speech(variant + 1, 15)
    room = make.room()
    echo_path, near_path = make.path(room, make.dice.uniform(0.25, 0.5)), make.path(room, make.dice.uniform(0.4, 0.8))
    lag = make.dice.uniform(0.03, 0.08)
    n = len(far)
    echo = to_level(through(delayed(far, lag), echo_path), -28)
    hiss = make.hiss(n)
    yield scene("far", echo + hiss, far, None, start=3)
    for ser in (0, -10):
        clean = to_level(through(talk, near_path), -28 + ser)
        clean[: 4 * RATE] = 0
        yield scene(f"double{ser}", echo + clean + hiss, far, clean, start=4)
    moved = to_level(through(delayed(far, lag), make.path(room, make.dice.uniform(0.25, 0.5))), -28)
    both = echo.copy()
    both[7 * RATE :] = moved[7 * RATE :]
    yield scene("move", both + hiss, far, None, start=3, event=7)
    for delay, slip in ((0.12, 0.012), (0.25, -0.012)):
        late = to_level(through(delayed(far, delay), echo_path), -28)
        later = to_level(through(delayed(far, delay + slip), echo_path), -28)
        slipped = late.copy()
        slipped[8 * RATE :] = later[8 * RATE :]
        yield scene(f"slip{int(delay * 1000)}", slipped + hiss, far, None, start=3, event=8)
    yield scene("drift", drifted(echo, 100) + hiss, far, None, start=3)
    hard = far / np.abs(far).max()
    clipped = to_level(through(delayed(np.tanh(2.5 * hard), lag), echo_path), -26)
    yield scene("clip", clipped + hiss, far, None, start=3)


def near_scenes(make, variant):
    talk = make.speech(variant, 12)
    room = make.room()
    clean = to_level(through(talk, make.path(room, 0.5)), -26)
    yield scene("near", clean + make.hiss(len(clean)), np.zeros(len(clean)), clean, start=1)
    for kind, snr in (("fan", 5), ("fan", 10), ("babble", 5), ("babble", 15), ("keys", 0), ("keys", 10)):
        noise = to_noise(make, kind, len(clean), variant, room)
        noise *= 10 ** ((level(clean) - snr - 10 * np.log10((noise**2).mean())) / 20)
        yield scene(f"{kind}{snr}", clean + noise, np.zeros(len(clean)), clean, start=1)


def to_noise(make, kind, n, variant, room):
    if kind == "fan":
        white = make.dice.standard_normal(n)
        spectrum = np.fft.rfft(white)
        hz = np.fft.rfftfreq(n, 1 / RATE)
        spectrum *= 1 / np.sqrt(1 + (hz / 300) ** 2)
        for tone in make.dice.uniform(90, 900, 4):
            spectrum[int(tone * n / RATE)] += 6 * np.sqrt(n)
        return np.fft.irfft(spectrum, n)
    if kind == "babble":
        voices = [through(make.speech(variant + i, n / RATE), make.path(room, 1.5)) for i in range(4)]
        voices += [np.roll(v, int(make.dice.integers(RATE, n - RATE))) for v in voices]
        return np.sum([v / np.sqrt((v**2).mean()) for v in voices], axis=0)
    strokes = np.zeros(n)
    at = 0.1
    while at < n / RATE - 0.2:
        length = int(make.dice.uniform(0.004, 0.02) * RATE)
        start = int(at * RATE)
        burst = make.dice.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        strokes[start : start + length] += burst * make.dice.uniform(0.4, 1)
        at += make.dice.uniform(0.09, 0.35)
    return through(strokes, make.path(room, 0.3))


LEVELS = (-24, -12, -40, -30, -14, -46)


def level_scenes(make, variant):
    """One voice that gets loud and quiet at once, 6 s each."""
    talk = np.concatenate([to_level(make.speech(variant + i % 2, 6), db) for i, db in enumerate(LEVELS)])
    room = make.room()
    response = make.path(room, 0.3)
    response /= np.sqrt((response**2).sum())
    clean = through(talk, response)
    yield scene("levels", clean + make.hiss(len(clean), -75), np.zeros(len(clean)), clean, start=0)


def loop_scenes(make, variant):
    """A near voice whose sound comes back from another device in the room, through the network: closed while it runs. `loop` is the way back at a loop gain of 1."""
    talk = make.speech(variant, 16)
    talk[9 * RATE :] = 0
    room = make.room()
    clean = to_level(through(talk, make.path(room, 0.5)), -22)
    way = make.path(room, 1.5)[: RATE // 4]
    peak = np.abs(np.fft.rfft(way, 1 << 16)[: (1 << 16) // 8]).max()
    yield scene("howl", clean + make.hiss(len(clean)), np.zeros(len(clean)), clean, start=9, loop=way / peak, loop_delay=0.15)


def scenes(media, seed, variants):
    make = Maker(media, seed)
    for variant in range(variants):
        for group in (echo_scenes, near_scenes, level_scenes, loop_scenes):
            yield from group(make, variant)
