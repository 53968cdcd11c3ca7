"""A bad network with programs on both sides of it: `confab-impair` and what runs in its two namespaces, with the time of day of everything the network says of itself."""

import json
import signal
import subprocess
import threading
import time
from pathlib import Path


class Link:
    """Use with `with`: the programs are ended and the namespaces gone behind it. Host 0 is before the network, host 1 behind it; up is from 0 to 1."""

    def __init__(self, programs, folder, script):
        self.programs, self.folder = Path(programs), Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in [*self.folder.glob("*.json*"), *self.folder.glob("*/*.y4m")]:
            old.unlink()
        (self.folder / "script.toml").write_text(script)
        self.running, self.said = [], []

    def __enter__(self):
        self.log = open(self.folder / "log", "w")
        path = str(self.programs / "confab-impair")
        self.impair = self.spawn([path, "run", "--script", str(self.folder / "script.toml"), "--realtime", "--with-parent"], stdout=subprocess.PIPE, text=True)
        ready = json.loads(self.impair.stdout.readline())
        self.begin = time.time()
        self.spaces, self.addresses = ready["namespaces"], [a[0] for a in ready["addresses"]]
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        return self

    def read(self):
        with open(self.folder / "network.jsonl", "w") as file:
            for line in self.impair.stdout:
                file.write(line)
                self.said.append((time.time(), json.loads(line)))

    def spawn(self, command, **more):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.log, stdout=more.pop("stdout", self.log), **more)
        self.running.append(process)
        return process

    def command(self, host, program, *arguments):
        path = self.programs / program
        return ["ip", "netns", "exec", self.spaces[host], str(path if path.exists() else program), *arguments]

    def start(self, host, program, *arguments, **more):
        return self.spawn(self.command(host, program, *arguments), **more)

    def __exit__(self, *_):
        # Participants first: they write their files to the end.
        for kind in [signal.SIGINT, signal.SIGTERM]:
            for process in reversed(self.running[1:] if kind == signal.SIGINT else self.running):
                if process.poll() is None:
                    process.send_signal(kind)
            for process in self.running[1 if kind == signal.SIGINT else 0 :]:
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    if kind == signal.SIGTERM:
                        process.kill()
        self.reader.join(2)

    def sleep_until(self, second):
        """Of the network's own time, as its script counts."""
        time.sleep(max(0, self.begin + second - time.time()))

    def server(self):
        """Starts a server behind the network; the link of a meeting there."""
        # Not 443: Chromium takes no media there from private addresses.
        host = f"{self.addresses[1]}:8443"
        config = self.folder / "confab.toml"
        config.write_text(f'listen = "{host}"\npublic_url = "https://{host}"\ndata_dir = "{self.folder}/data"\n[tls]\nself_signed = true\n')
        self.start(1, "confab-server", "serve", "--config", str(config))
        command = self.command(1, "confab-server", "meeting", "new", "--title", "Bench", "--config", str(config))
        for _ in range(100):
            text = subprocess.run(command, capture_output=True, text=True).stdout
            links = [w for w in text.split() if w.startswith("https://") and "#" not in w]
            if links:
                return links[0]
            time.sleep(0.1)
        raise RuntimeError(f"the server makes no meeting; see {self.folder}/log")

    def native(self, host, link, name, *arguments):
        """A participant without a window. Its statistics go to NAME.jsonl."""
        stats = str(self.folder / f"{name}.jsonl")
        return self.start(host, "confab-headless", "join", link, "--name", name, "--insecure", "--join-timeout", "60s", "--stats-json", stats, *arguments)

    def stepped(self, number):
        """When this step of the script was done."""
        return next(at for at, line in self.said if line.get("type") == "step" and line["number"] == number)

    def seconds(self, begin, end):
        """What the network said each second between two times of day."""
        return [line for at, line in list(self.said) if line.get("type") == "second" and begin <= at <= end]

    def queue(self, way, begin, end):
        """Milliseconds packets waited for the bottleneck: of the 95th hundredth of each second, the 95th hundredth."""
        waits = sorted(line[way]["queue_ms"]["p95"] for line in self.seconds(begin, end)) or [0]
        return round(waits[len(waits) * 95 // 100])

    def kbps(self, way, begin, end, what="bytes_in"):
        seconds = self.seconds(begin, end)
        if len(seconds) < 2:
            return 0
        sent = seconds[-1][way][what] - seconds[0][way][what]
        return round(sent * 8 / 1000 / (seconds[-1]["at_s"] - seconds[0]["at_s"]))

    def late(self, begin, end):
        """What the machine itself added, milliseconds."""
        waits = sorted(line["up"]["late_ms"]["p95"] for line in self.seconds(begin, end)) or [0]
        return round(waits[len(waits) * 95 // 100], 1)
