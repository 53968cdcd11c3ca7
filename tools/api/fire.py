"""The API under fire: random and mutated requests over the server's own OpenAPI document, against a real server with accounts,
meetings, a room and feeds in it.

Requests come from schemathesis, right and wrong ones by turns, and from mutations of bytes that no schema would make. Each is sent
as one of several people; ids are often real ones, also of other people. Every answer is held against the document; besides, no
answer may be a 5xx, hold a secret or a word of the server's inside, or give a stranger what is another's. At the end the log, at
its finest level, is searched for every secret. Prints a table, and as JSON with --report; fails if anything was found.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PASSWORD = "correct horse battery staple"
PASSCODE = "Kirschbaum-7241"
SCOPES = ["meetings:read", "meetings:write", "admin:read", "admin:write", "webhooks"]
# What only the inside of the server would say.
INSIDE = re.compile(r"panicked|RUST_BACKTRACE|\.rs:\d|sqlx|SQLITE|\$argon2|no such table|/root/|data_dir")
# Written by a proxy or hyper itself before any route, so no operation documents them.
OF_THE_WIRE = {400, 405, 413, 414, 415, 431}


class Server:
    """A process on a port of its own, with its log."""

    def __init__(self, program, folder):
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.config = os.path.join(folder, "confab.toml")
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        with open(self.config, "w") as f:
            f.write(
                f'listen = "127.0.0.1:0"\ndata_dir = "{folder}/data"\n'
                "[media]\nworkers = 1\n"
                "[limits]\nmeetings_per_minute = 1000000\njoins_per_minute = 1000000\nnew_connections_per_minute = 1000000\n"
                f'[access]\ncreate = "account"\ntokens = ["{digest}"]\n'
                '[log]\nlevel = "trace"\n'
            )
        self.program = program
        self.log_path = os.path.join(folder, "log")
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            [program, "serve", "--config", self.config],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        # The log may go to standard output as well.
        self.url = None
        for line in self.process.stdout:
            self.log.write(line.encode())
            if line.startswith("Confab is at "):
                self.url = line.split()[-1]
                break
        assert self.url, "the server did not start; see " + self.log_path
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        for line in self.process.stdout:
            self.log.write(line.encode())

    def account(self, email, role):
        command = [self.program, "account", "add", "--config", self.config, "--email", email]
        command += ["--name", email.split("@")[0].title(), "--role", role, "--password-stdin"]
        subprocess.run(command, input=PASSWORD, text=True, check=True, capture_output=True)

    def new_token(self, scopes, *arguments):
        """An API token of the server itself or of an account."""
        command = [self.program, "token", "new", "--config", self.config, *arguments]
        for scope in scopes:
            command += ["--scope", scope]
        printed = subprocess.run(command, text=True, check=True, capture_output=True).stdout
        return re.search(r"cft_\w+", printed)[0]

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) // 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        with open(self.log_path, "rb") as f:
            return f.read().decode(errors="replace")


class Person:
    """Who sends a request: a browser with its cookie, a program with a token, somebody with a host key, nobody."""

    def __init__(self, world, name, email=None, headers=None):
        self.world, self.name, self.email, self.headers = world, name, email, dict(headers or {})
        self.session = requests.Session()
        if email:
            self.sign_in()

    def sign_in(self):
        self.session = requests.Session()
        body = {"email": self.email, "password": PASSWORD}
        answer = self.session.post(self.world.url + "/api/v1/session", json=body, timeout=30)
        if answer.status_code != 200:
            return False
        for cookie in self.session.cookies:
            self.world.secret(f"{self.name}'s session", cookie.value)
        return True

    def call(self, method, path, **more):
        headers = {**self.headers, **more.pop("headers", {})}
        return self.session.request(method, self.world.url + path, headers=headers, timeout=30, **more)


class World:
    def __init__(self, server):
        self.server, self.url = server, server.url
        self.secrets = {}
        for name, value in [("password", PASSWORD), ("passcode", PASSCODE), ("API token", server.token)]:
            self.secret(name, value)
        for email, role in [("owner@example.org", "owner"), ("ada@example.org", "member"), ("bob@example.org", "member")]:
            server.account(email, role)
        self.owner = Person(self, "owner", "owner@example.org")
        self.ada = Person(self, "ada", "ada@example.org")
        self.bob = Person(self, "bob", "bob@example.org")
        self.token = Person(self, "token", headers={"authorization": f"Bearer {server.token}"})
        # Tokens that requests may revoke, and sessions that they may end: who has lost theirs is given another.
        self.programs = [Person(self, "admin's program"), Person(self, "ada's program")]
        self.nobody = Person(self, "nobody")
        # Who may do something comes more often.
        self.people = [self.owner] * 4 + [self.ada] * 4 + [self.bob, self.nobody, self.token] + self.programs * 2
        self.mends = collections.Counter()
        self.arm()
        # Ids by the name of the path's parameter.
        self.ids = collections.defaultdict(list)
        self._furnish()

    def secret(self, name, value):
        if value and len(value) >= 8:
            self.secrets[value] = name

    def _furnish(self):
        """Meetings of Ada's, a room, feeds, an invitation, sessions."""
        weekly = {
            "kind": "planned",
            "when": {
                "series": {
                    "first": {"start": "2027-01-04T09:00:00", "zone": "Europe/Berlin", "minutes": 45},
                    "rule": {"pattern": {"every": "week", "days": ["MO", "WE"]}, "interval": 1, "ends": {"after": 40}},
                }
            },
        }
        once = {"starts_at": int(time.time() * 1000) + 7_200_000, "minutes": 30}
        plans = [
            {"title": "Once", "passcode": PASSCODE, **once},
            {"title": "Now"},
            {"title": "Invited", "invitees": [{"address": "bob@example.org"}], **once},
            {"title": "Cancelled", **once},
        ]
        plans.append({"title": "Weekly", "schedule": weekly})
        made = [self.ada.call("POST", "/api/v1/meetings", json=plan) for plan in plans]
        for answer in made:
            assert answer.status_code == 201, answer.text
            body = answer.json()
            self.ids["meeting"].append(body["id"])
            key = body["host_link"].split("#host=")[1]
            self.secret("host key of " + body["id"], key)
            self.people.append(Person(self, "host", headers={"x-host-key": key}))
        self.ada.call("POST", f"/api/v1/meetings/{self.ids['meeting'][3]}/cancel", json={})
        room = self.token.call("POST", "/api/v1/rooms", json={"name": "Blue", "zone": "Europe/Berlin"})
        self.ids["room"].append(room.json()["id"])
        feed = self.ada.call("POST", "/api/v1/feeds", json={"name": "Mine"}).json()
        self.ids["feed"].append(feed["id"])
        self.secret("feed's token", feed["link"].split("/feed/")[1].removesuffix(".ics"))
        for person in (self.owner, self.ada, self.bob):
            mine = person.call("GET", "/api/v1/session").json()["me"]["id"]
            self.ids["id"].append(mine)
        invited = self.owner.call("POST", "/api/v1/invitations", json={"email": "eve@example.org", "role": "member"})
        if invited.status_code == 201:
            for value in re.findall(r"#token=(\w+)", invited.text):
                self.secret("invitation", value)
        hook = {"url": "https://hooks.example.org/confab", "events": ["meeting.started"]}
        hook = self.owner.call("POST", "/api/v1/admin/webhooks", json=hook)
        if hook.status_code == 201:
            self.ids["id"].append(hook.json()["webhook"]["id"])
            self.secret("webhook's key", hook.json()["secret"])
        for session in self.ada.call("GET", "/api/v1/account/sessions").json().get("items", []):
            self.ids["id"].append(session["id"])

    def arm(self):
        """Gives programs a token that is good."""
        for person, account in zip(self.programs, [(SCOPES,), (SCOPES[:2], "--account", "ada@example.org")]):
            if person.headers and person.call("GET", "/api/v1/meetings?from=0&until=1").status_code != 401:
                continue
            try:
                token = self.server.new_token(*account)
            except subprocess.CalledProcessError:
                # The account is disabled; the next round finds it mended.
                continue
            self.secret(f"token of {person.name}", token)
            person.headers = {"authorization": f"Bearer {token}"}
            self.mends[person.name] += 1

    def learn(self, response):
        """What was just made can be asked for by its id."""
        for kind, part in [("meeting", "/meetings"), ("room", "/rooms"), ("feed", "/feeds")]:
            if response.request.path_url.split("?")[0] == "/api/v1" + part:
                known = self.ids[kind]
                known.append(response.json()["id"])
                # The first ones have all there is to find; of the others the newest.
                del known[5:-10]

    def mend(self):
        """Signs people in again whom a request signed out or shut out, and makes a room again that one took away."""
        if self.token.call("GET", f"/api/v1/rooms/{self.ids['room'][0]}").status_code == 404:
            room = self.token.call("POST", "/api/v1/rooms", json={"name": "Blue", "zone": "Europe/Berlin"})
            self.ids["room"][0] = room.json()["id"]
        self.programs[0].call("PUT", "/api/v1/admin/log", json={"level": "trace"})
        for person in (self.owner, self.ada, self.bob):
            standing = person.call("GET", "/api/v1/session")
            if standing.status_code == 200 and standing.json().get("me"):
                continue
            self.mends[person.name] += 1
            if person.sign_in():
                continue
            # Disabled, or deleted with all that was its own.
            number = [self.owner, self.ada, self.bob].index(person)
            path = f"/api/v1/accounts/{self.ids['id'][number]}"
            if self.programs[0].call("PATCH", path, json={"disabled": False}).status_code == 404:
                try:
                    self.server.account(person.email, "owner" if person is self.owner else "member")
                except subprocess.CalledProcessError:
                    pass
            if person.sign_in():
                self.ids["id"][number] = person.call("GET", "/api/v1/session").json()["me"]["id"]
            else:
                self.mends["not signed in again"] += 1
        self.arm()


class Fire:
    def __init__(self, world, document, number):
        self.world, self.document = world, document
        self.dice = random.Random(number)
        self.sent = self.own = 0
        self.statuses = collections.Counter()
        self.by_kind = collections.Counter()
        self.found = collections.OrderedDict()
        self.slowest = (0.0, "")
        self.answered = set()

    def note(self, what, detail):
        if what not in self.found:
            print(f"FOUND {what}\n      {detail[:600]}", flush=True)
        self.found.setdefault(what, [0, detail[:600]])[0] += 1

    def judge(self, what, kind, person, response, took):
        self.sent += 1
        self.by_kind[kind] += 1
        self.statuses[response.status_code] += 1
        if took > self.slowest[0]:
            self.slowest = (took, what)
        if response.status_code >= 500:
            self.note(f"{what}: {response.status_code}", response.text)
        text = response.text + "\n" + "\n".join(f"{k}: {v}" for k, v in response.headers.items())
        # A cookie that is set anew holds a secret of whoever asked.
        for value, name in self.world.secrets.items():
            if value in text and not (person.email and name.startswith(person.name)):
                self.note(f"{what}: tells the {name}", text)
        if INSIDE.search(response.text):
            self.note(f"{what}: tells of the inside", response.text)
        if response.status_code == 201:
            self.world.learn(response)
        # New secrets are told once; from now on nobody may hear them.
        if response.status_code in (200, 201):
            for found in re.findall(r"#(?:host|token)=(\w+)|/feed/(\w+)\.ics", response.text):
                for value in filter(None, found):
                    self.world.secret("key or token of an earlier answer", value)
        for cookie in response.cookies:
            self.world.secret(f"{person.name}'s session", cookie.value)
        if self.sent % 40 == 0:
            self.world.mend()

    def guarded(self, operation):
        # An empty requirement among several: also without any.
        security = operation.definition.raw.get("security") or [{}]
        return all(security)

    def strike(self, case, operation, kind, number):
        dice = random.Random(number)
        person = dice.choice(self.world.people)
        real = dice.random() < 0.7
        for name in list(case.path_parameters or {}):
            ids = self.world.ids.get(name)
            if real and ids:
                case.path_parameters[name] = dice.choice(ids)
        if kind.startswith("right") and dice.random() < 0.8:
            case.body = believable(case.body, dice)
        headers = {k: v for k, v in (case.headers or {}).items() if k.lower() not in ("authorization", "x-host-key", "cookie")}
        case.headers = {**headers, **person.headers}
        case.cookies = {}
        began = time.monotonic()
        try:
            request = case.as_transport_kwargs(base_url=self.world.url)
            response = person.session.request(**{**request, "timeout": 30, "allow_redirects": False})
        except (requests.exceptions.InvalidHeader, UnicodeError, ValueError):
            return
        what = operation.label
        self.judge(what, kind, person, response, time.monotonic() - began)
        if response.status_code < 300:
            self.answered.add(operation.label)
            if person is self.world.nobody and self.guarded(operation):
                self.note(f"{what}: answers nobody", response.text)
        if response.status_code in OF_THE_WIRE and str(response.status_code) not in operation.definition.raw["responses"]:
            return
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.note(f"{what}: {failure.title} ({response.status_code})", f"{failure} | {kind} | {response.text[:300]}")
        except AssertionError as failure:
            self.note(f"{what}: {type(failure).__name__}", str(failure))

    def run(self, operation, mode, count, number):
        kind = "right by the document" if mode == GenerationMode.POSITIVE else "wrong by the document"
        try:
            strategy = operation.as_strategy(generation_mode=mode)
            done = [0]

            @seed(number)
            @settings(
                max_examples=count,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy, roll=st.integers(0, 2**32))
            def volley(case, roll):
                done[0] += 1
                self.strike(case, operation, kind, roll)

            volley()
        except Exception as error:  # an operation may have nothing that could be wrong
            if "Unsatisfiable" not in type(error).__name__ and "negat" not in str(error).lower():
                raise

    def mutate(self, count):
        """Bytes no schema would make, over every path and method."""
        operations = [o.ok() for o in self.document.get_all_operations()]
        for _ in range(count):
            operation = self.dice.choice(operations)
            person = self.dice.choice(self.world.people)
            method = operation.method.upper() if self.dice.random() < 0.8 else self.dice.choice(
                ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "HEAD"]
            )
            path = re.sub(r"\{(\w+)\}", self.piece, operation.path)
            body = self.body()
            headers = {"content-type": self.dice.choice(KINDS), **self.odd_headers()}
            query = self.dice.choice(["", "", "?from=1&until=2", "?limit=99999999999999999999", "?from=%ff&at=-1", "?" + "a=1&" * 200])
            began = time.monotonic()
            try:
                response = person.call(method, path + query, data=body, headers=headers, allow_redirects=False)
            except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
                continue
            except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
                # A body past its limit is refused unread, which resets whoever still writes;
                # hyper answers a head it cannot read by closing; the next request shows whether it lives.
                self.statuses["closed"] += 1
                self.sent += 1
                self.by_kind["mutated bytes"] += 1
                continue
            self.judge(f"{method} {operation.path} (mutated)", "mutated bytes", person, response, time.monotonic() - began)

    def piece(self, match):
        ids = self.world.ids.get(match[1]) or ["x"]
        real = self.dice.choice(ids)
        odd = ["..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cconfab.db", "%00", real + "%00", real + "/", "a" * 4000, "%ff%fe", "💥", "'--", real.upper(), "0", "null", "{}", "%7B%7D"]
        return self.dice.choice([real, real, real, self.dice.choice(odd)])

    def body(self):
        base = json.dumps(self.dice.choice(BODIES)).encode()
        roll = self.dice.randrange(12)
        if roll == 0:
            return b"[" * self.dice.choice([100, 5000])
        if roll == 1:
            return b'{"a":' * 3000 + b"1" + b"}" * 3000
        if roll == 2:
            return base[: self.dice.randrange(len(base) + 1)]
        if roll == 3:
            return bytes(self.dice.randrange(256) for _ in range(self.dice.randrange(400)))
        if roll == 4:
            return b'{"title":"' + b"x" * self.dice.choice([1000, 20_000, 250_000]) + b'"}'
        if roll == 5:
            return base.replace(b'"', b'"\\u0000', 2)
        if roll == 6:
            return b'{"title":"a","title":"b"}'
        if roll == 7:
            return re.sub(rb"\d+", lambda _: self.dice.choice([b"-1", b"1e400", b"99999999999999999999999", b"0.5", b"NaN"]), base)
        if roll == 8:
            return b'{"title":"\\ud800"}'
        spoilt = bytearray(base)
        for _ in range(self.dice.randrange(4)):
            spoilt[self.dice.randrange(len(spoilt))] = self.dice.randrange(256)
        return bytes(spoilt)

    def odd_headers(self):
        odd = [
            {},
            {},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"content-encoding": "gzip"},
            {"accept-language": "zh" * 2000},
            {"x-host-key": "' OR 1=1"},
            {"authorization": "Bearer "},
            {"authorization": "Basic Og=="},
            {"cookie": "confab=" + "a" * 3000},
            {"if-match": "\"99999999999999999999\""},
            {"if-match": "W/\"\u00e9\"".encode("latin-1").decode("latin-1")},
            {"x-forwarded-for": "::1, evil"},
            {"range": "bytes=0-1,5-"},
            {"expect": "100-continue"},
            {"host": "evil.example"},
        ]
        return self.dice.choice(odd)


def believable(value, dice):
    """With zones and addresses there are: no schema says which, so by chance none is ever right."""
    if isinstance(value, list):
        return [believable(v, dice) for v in value]
    if not isinstance(value, dict):
        return value
    words = {
        "zone": ["UTC", "Europe/Berlin", "Asia/Shanghai"],
        "start": ["2027-03-28T02:30:00", "2027-10-31T02:30:00", "2030-01-01T00:00:00"],
        "address": ["bob@example.org", "zoe@example.net"],
        "email": ["bob@example.org", "eve@example.org"],
    }
    return {k: dice.choice(words[k]) if k in words and isinstance(v, str) else believable(v, dice) for k, v in value.items()}


KINDS = [
    "application/json",
    "application/json",
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "",
]
BODIES = [
    {"title": "x", "starts_at": 1, "minutes": 5},
    {"title": "x", "schedule": {"kind": "planned", "when": {"once": {"start": "2027-02-30T25:00:00", "zone": "Mars/Base", "minutes": 9}}}},
    {"scope": {"this": "20270104T090000"}, "slot": {"start": "2027-01-05T09:00:00", "zone": "UTC", "minutes": 1}},
    {"scope": {"following": "99999999T999999"}},
    {"email": "ada@example.org", "password": "x"},
    {"name": "x", "zone": "UTC", "seats": 7},
    {"token": "0" * 32, "name": "a", "password": "b"},
    {"invitees": [{"address": "a@b", "role": "chair"}] * 3},
    {"url": "http://127.0.0.1:1/", "user": "u", "password": "p"},
    [],
    "x",
    None,
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True, help="the program confab-server")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", help="a file for the figures, JSON")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(fire(options, folder))


def fire(options, folder):
    server = Server(options.server, folder)
    began = time.monotonic()
    try:
        world = World(server)
        raw = requests.get(server.url + "/api/v1/openapi.json", timeout=30).json()
        document = schemathesis.openapi.from_dict(raw)
        fire = Fire(world, document, options.seed)
        before = server.memory()
        operations = [o.ok() for o in document.get_all_operations()]
        # Well-formed, it would quieten the log that is searched at the end; mutated, it is sent all the same.
        operations = [o for o in operations if o.label != "PUT /api/v1/admin/log"]
        mutated = options.requests // 4
        rounds = 0
        # Some operations have little to vary; the rest of their share goes to the others, from other seeds.
        while fire.sent < options.requests - mutated:
            left = options.requests - mutated - fire.sent
            each = max(1, left // (2 * len(operations)))
            for n, operation in enumerate(operations):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    if fire.sent < options.requests - mutated:
                        fire.run(operation, mode, each, options.seed * 7919 + rounds * 131 + n)
            rounds += 1
        while fire.sent < options.requests:
            fire.mutate(options.requests - fire.sent)
        alive = requests.get(server.url + "/health", timeout=30).status_code == 200
        after = server.memory()
    finally:
        log = server.stop()
    if not alive or server.process.returncode != 0:
        fire.note("the server did not live", log[-500:])
    for value, name in world.secrets.items():
        if value in log:
            line = next(l for l in log.splitlines() if value in l)
            fire.note(f"the log tells the {name}", line)
    for line in log.splitlines():
        if "panicked" in line or " ERROR " in line:
            fire.note("the log has an error", line)
    report = {
        "seed": options.seed,
        "requests": fire.sent,
        "operations": len(operations),
        "answered_with_success": len(fire.answered),
        "kinds": dict(fire.by_kind),
        "statuses": {str(k): v for k, v in sorted(fire.statuses.items(), key=lambda s: str(s[0]))},
        "secrets_watched": len(world.secrets),
        "mended": dict(world.mends),
        "log_lines": log.count("\n"),
        "memory_mb": [before, after],
        "slowest_seconds": [round(fire.slowest[0], 2), fire.slowest[1]],
        "seconds": round(time.monotonic() - began, 1),
        "found": {what: {"times": n, "first": detail} for what, (n, detail) in fire.found.items()},
    }
    if options.report:
        with open(options.report, "w") as f:
            json.dump(report, f, indent=1)
    for key, value in report.items():
        if key != "found":
            print(f"{key:22} {value}")
    never = sorted({o.label for o in operations} - fire.answered)
    print(f"{'never with success':22} {', '.join(never) or 'none'}")
    print(f"{'found':22} {len(fire.found)}")
    return 1 if fire.found else 0


if __name__ == "__main__":
    main()
