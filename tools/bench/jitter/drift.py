"""The drift bench: `cargo xtask bench drift` calls it. An hour of sound from a sender whose clock runs 100 ppm slower, and faster, than the receiver's; prints what the way from microphone to
ear became over the hour, and whether anything clicked.

Two tones, because on them a click shows as a step between neighbouring samples that is larger than the tones' own, and a voice, which the stretching finds easier places in."""

import argparse
import json
import subprocess
import wave
from pathlib import Path

import numpy as np

RATE = 48_000


def tones(path):
    """Ten seconds of whole periods, so that they can be repeated without a seam."""
    at = np.arange(10 * RATE) / RATE
    samples = 0.2 * np.sin(2 * np.pi * 200 * at) + 0.1 * np.sin(2 * np.pi * 330 * at)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--media", type=Path, default=Path.home() / ".cache/confab/media")
    parser.add_argument("--work", type=Path, default=Path("/tmp"))
    parser.add_argument("--seconds", type=int, default=3600)
    options = parser.parse_args()
    print("| sound | clock, ppm | way's drift, ms (means of minutes) | delay ms, mean / p95 | concealed % | largest step / the source's |")
    print("|---|---|---|---|---|---|")
    for name, source in (("two tones", tones(options.work / "tones.wav")), ("voice", options.media / "speech-en.wav")):
        for ppm in (100, -100):
            command = [str(options.binary), str(source), str(options.work / "drift.wav"), f"seconds={options.seconds}", f"ppm={ppm}"]
            said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            delay = f"{said['delay_ms']} / {said['delay_p95_ms']}"
            print(f"| {name} | {ppm:+} | {said['drift_ms']} | {delay} | {said['concealed'] * 100:.2f} | {said['step']} |", flush=True)


if __name__ == "__main__":
    main()
