"""The chains under test, each as a function from near and far to the cleaned sound, in frames of 10 ms. Every chain can also be run frame by frame, to close a loop."""

import resource
import subprocess
import time

import numpy as np

FRAME = 480


def used():
    """Seconds of CPU that programs started from here took in all, without the system's share."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


class Pipe:
    """Our bench binary: `ours` or `sonora`. Its cost is CPU time, start and reading of frames included: the clock would count what else the machine does."""

    def __init__(self, binary, words):
        self.command = [str(binary), *words]

    def run(self, near, far):
        frames = np.stack([near.reshape(-1, FRAME), far.reshape(-1, FRAME)], axis=1)
        before = used()
        done = subprocess.run(self.command, input=frames.astype("<f4").tobytes(), capture_output=True, check=True)
        self.log = done.stderr.decode()
        self.cpu = (used() - before) / len(frames) * 1e6
        return np.frombuffer(done.stdout, "<f4").astype(np.float64)

    def step(self):
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def frame(near, far):
            process.stdin.write(np.concatenate([near, far]).astype("<f4").tobytes())
            process.stdin.flush()
            return np.frombuffer(process.stdout.read(4 * FRAME), "<f4").astype(np.float64)

        def close():
            process.stdin.close()
            process.wait()

        return frame, close


class WebRtc:
    """libwebrtc's audio processing module, from the livekit wheel: 16-bit frames, as in a browser. Its cost is that of the call with everything on, less that of the call with
    everything off, which is the price of the binding."""

    def __init__(self, gain):
        self.gain = gain

    def module(self, on=True):
        from livekit import rtc

        return rtc.AudioProcessingModule(echo_cancellation=on, noise_suppression=on, high_pass_filter=on, auto_gain_control=on and self.gain)

    def step(self, on=True):
        from livekit import rtc

        module = self.module(on)
        cost = [0.0, 0]

        def sixteen(samples):
            return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)

        def frame(near, far):
            played = rtc.AudioFrame(sixteen(far).tobytes(), 48_000, 1, FRAME)
            heard = rtc.AudioFrame(sixteen(near).tobytes(), 48_000, 1, FRAME)
            start = time.process_time()
            module.process_reverse_stream(played)
            module.set_stream_delay_ms(0)
            module.process_stream(heard)
            cost[0] += time.process_time() - start
            cost[1] += 1
            return np.frombuffer(heard.data, np.int16).astype(np.float64) / 32768

        self.cost = cost
        return frame, lambda: None

    def run(self, near, far, on=True):
        frame, _ = self.step(on)
        out = np.concatenate([frame(n, f) for n, f in zip(near.reshape(-1, FRAME), far.reshape(-1, FRAME))])
        self.cpu = self.cost[0] / max(1, self.cost[1]) * 1e6
        return out


def engines(binary, names):
    """By name: one with gain control, one without."""
    made = {}
    for name in names:
        if name == "libwebrtc":
            made[name] = {True: WebRtc(True), False: WebRtc(False)}
        else:
            words = name.split("+")
            made[name] = {True: Pipe(binary, words), False: Pipe(binary, [*words, "nogain"])}
    return made
