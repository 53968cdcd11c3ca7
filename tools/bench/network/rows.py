"""The networks of the bench, as data: scripts for `confab-impair` (docs/IMPAIR.md), who is where, and what is asked for."""

from dataclasses import dataclass

#: Seconds on a good network, to join on; then those before anything counts, to learn of the bad one. Browsers take longer to be there.
JOIN, WARM = 8, 10
JOIN_BROWSER = 25
UP_2M = "rate_kbit = 2000\nqueue_ms = 200\n"


def loss(percent):
    return f"loss_percent = {percent}\n" if percent else ""


def burst(percent, length):
    return f"burst = {{ loss_percent = {percent}, length = {length} }}\n"


def way(always, later="", join=JOIN):
    """25 ms each way, and what else holds both ways always, and from the end of joining on."""
    return f"[both]\ndelay_ms = 25\n{always}" + (step(join, "both", later) if later else "")


def step(at, which, keys):
    lines = "".join(f"{which}.{line}\n" for line in keys.splitlines())
    return f"[[step]]\nat_s = {at}\n{lines}"


def narrow(kbit):
    return f"rate_kbit = {kbit}\nqueue_ms = 300\n"


@dataclass
class Row:
    name: str
    script: str
    bar: str = ""
    #: pair: two natives; four: one of four behind the network; tcp: beside a TCP flow; direct: two browsers; guests: two browsers by our server.
    kind: str = "pair"
    #: The receiver is behind the bad network too.
    both_behind: bool = False
    #: No shorter than this, seconds.
    least: int = 0


#: When a link shrinks and grows again, seconds of its script.
SHRINKS, GROWS = JOIN + WARM + 10, JOIN + WARM + 30

ROWS = [
    Row("0 %", way(UP_2M), "30 fps"),
    Row("10 %", way(UP_2M, loss(10))),
    Row("30 %", way(UP_2M, loss(30)), "24 fps, no gap above 1 s"),
    Row("50 %", way(UP_2M, loss(50)), "24 fps"),
    Row("70 %", way(UP_2M, loss(70)), "24 fps"),
    Row("80 %", way(UP_2M, loss(80)), "15 fps, p90 450 ms, no second without a picture"),
    Row("80 %, bursts of 8", way(UP_2M, burst(80, 8)), "12 fps"),
    Row("50 %, two hops", way(UP_2M, loss(50)), "20 fps", both_behind=True),
    Row("300 kbps", way(narrow(300)), "frozen 2 %, queue p95 150 ms"),
    Row(
        "1 M, 300 k, 1 M",
        way(narrow(1000)) + step(SHRINKS, "both", narrow(300)) + step(GROWS, "both", narrow(1000)),
        "no second below 15 fps; all again after 5 s",
        least=GROWS - JOIN - WARM + 15,
    ),
    Row(
        "one of four at 300 kbps",
        way("") + step(SHRINKS, "down", narrow(300)) + step(GROWS, "down", "rate_kbit = 0\n"),
        "smaller after 3 s, stalled 3 %, the others as before, all again after 10 s",
        kind="four",
        least=GROWS - JOIN - WARM + 20,
    ),
    Row("beside TCP, 2 Mbps", way(UP_2M), "35 to 65 % of it", kind="tcp", least=40),
    Row("Chromium, 0 %", way(UP_2M, join=JOIN_BROWSER), kind="direct"),
    Row("Chromium, 10 %", way(UP_2M, loss(10), JOIN_BROWSER), kind="direct"),
    Row("Chromium, 30 %", way(UP_2M, loss(30), JOIN_BROWSER), kind="direct"),
    Row("Chromium, 300 kbps", way(narrow(300)), kind="direct"),
    Row("guests, 0 %", way(UP_2M, join=JOIN_BROWSER), kind="guests"),
    Row("guests, 10 %", way(UP_2M, loss(10), JOIN_BROWSER), "better than Chromium, 10 %", kind="guests"),
    Row("guests, 30 %", way(UP_2M, loss(30), JOIN_BROWSER), "better than Chromium, 30 %", kind="guests"),
]
