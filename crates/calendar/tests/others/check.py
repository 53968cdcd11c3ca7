"""Judges calendar files by other people's programs: Python's icalendar and ical parse them, libical checks them against RFC 5545 and
5546, dateutil expands their series, Python's own zones say what the definitions of zones should give. Rules of the RFC that none of
these enforces are checked here.

Reads {"files": [{"name", "text", "method", "occurrences": [[name, begin ms, end ms, cancelled], ...], "until"}]} from the standard
input, where the occurrences of a file are those that begin before "until" (ms). Prints what it did; ends with 1 where anything differs.
"""

import ctypes
import ctypes.util
import datetime as dt
import json
import re
import sys
import zoneinfo

import icalendar
from dateutil import rrule
from ical.calendar_stream import IcsCalendarStream

# The database that belongs to the test, not the machine's.
zoneinfo.reset_tzpath(to=[])
UTC = dt.timezone.utc
ONCE = {
    "VCALENDAR": ["PRODID", "VERSION", "CALSCALE", "METHOD"],
    "VEVENT": ["UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "SEQUENCE", "SUMMARY", "DESCRIPTION",
               "LOCATION", "URL", "STATUS", "TRANSP", "ORGANIZER", "CLASS", "PRIORITY"],
    "VTIMEZONE": ["TZID"],
    "STANDARD": ["DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE"],
    "DAYLIGHT": ["DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE"],
}
NEEDED = {
    "VCALENDAR": ["PRODID", "VERSION"],
    "VEVENT": ["UID", "DTSTAMP"],
    "VTIMEZONE": ["TZID"],
    "STANDARD": ["DTSTART", "TZOFFSETFROM", "TZOFFSETTO"],
    "DAYLIGHT": ["DTSTART", "TZOFFSETFROM", "TZOFFSETTO"],
}
LINE = re.compile(r'([A-Z0-9-]+)((?:;[A-Z0-9-]+=(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^",;:\x00-\x08\x0a-\x1f\x7f]*)'
                  r'(?:,(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^",;:\x00-\x08\x0a-\x1f\x7f]*))*)*):(.*)', re.S)
TEXT = re.compile(r'(?:[^\\;,\x00-\x08\x0a-\x1f\x7f]|\\[\\;,nN])*')
TIME = re.compile(r'\d{8}T\d{6}Z?')
wrong = []


def expect(ok, name, what):
    if not ok:
        wrong.append(f"{name}: {what}")


def grammar(name, text):
    """RFC 5545, 3.1 to 3.6: lines, nesting, how often each property may stand."""
    expect(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), name, "line ends")
    for line in text.encode().split(b"\r\n"):
        expect(len(line) <= 75, name, f"a line of {len(line)} octets")
        line.decode()  # No character is torn apart.
    stack, zones, used = [], set(), set()
    for line in text.replace("\r\n ", "").split("\r\n")[:-1]:
        match = LINE.fullmatch(line)
        expect(match, name, f"no content line: {line!r}")
        if not match:
            continue
        key, params, value = match.groups()
        if key == "BEGIN":
            stack.append((value, []))
            continue
        if key == "END":
            kind, properties = stack.pop()
            expect(kind == value, name, f"END:{value} in {kind}")
            for one in ONCE.get(kind, []):
                expect(properties.count(one) <= 1, name, f"{one} more than once in {kind}")
            for needed in NEEDED.get(kind, []):
                expect(needed in properties, name, f"{kind} without {needed}")
            expect(not {"DTEND", "DURATION"} <= set(properties), name, "DTEND and DURATION")
            continue
        expect(stack, name, f"{key} outside of everything")
        stack[-1][1].append(key)
        inside = stack[-1][0]
        if key in ("SUMMARY", "DESCRIPTION", "LOCATION", "UID", "TZNAME", "NAME"):
            expect(TEXT.fullmatch(value), name, f"no TEXT: {line!r}")
        if key in ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE"):
            expect(TIME.fullmatch(value), name, f"no time: {line!r}")
            zone = re.fullmatch(r';TZID=([^;:"]+)', params)
            local = inside in ("STANDARD", "DAYLIGHT")
            expect(local or bool(zone) != value.endswith("Z"), name, f"neither zone nor UTC: {line!r}")
            if zone:
                used.add(zone[1])
        if key == "DTSTAMP":
            expect(re.fullmatch(r"\d{8}T\d{6}Z", value), name, f"DTSTAMP not in UTC: {line!r}")
        if key == "TZID":
            expect(value not in zones, name, f"zone {value} twice")
            zones.add(value)
        if key == "RRULE":
            until = re.search(r"UNTIL=([^;]*)", value)
            expect(not until or re.fullmatch(r"\d{8}T\d{6}Z", until[1]), name, f"UNTIL not in UTC: {line!r}")
            expect(not ("UNTIL" in value and "COUNT" in value), name, "UNTIL and COUNT")
    expect(not stack, name, "something is not ended")
    expect(used <= zones, name, f"zones without definition: {used - zones}")


class Libical:
    """libical's own restrictions: which property may stand how often under which METHOD (RFC 5546)."""

    def __init__(self):
        found = ctypes.util.find_library("ical") or "libical.so.3"
        self.lib = ctypes.CDLL(found)
        self.lib.icalparser_parse_string.restype = ctypes.c_void_p
        self.lib.icalcomponent_as_ical_string.restype = ctypes.c_char_p
        for function in ("icalrestriction_check", "icalcomponent_count_errors", "icalcomponent_free", "icalcomponent_as_ical_string"):
            getattr(self.lib, function).argtypes = [ctypes.c_void_p]
        self.lib.icalparser_parse_string.argtypes = [ctypes.c_char_p]

    def check(self, name, text):
        # It knows no properties later than RFC 5545's but X- ones; CONFERENCE, NAME and REFRESH-INTERVAL are RFC 7986's.
        component = self.lib.icalparser_parse_string(text.encode())
        expect(component, name, "libical cannot parse it")
        errors = self.lib.icalcomponent_count_errors(component)
        valid = self.lib.icalrestriction_check(component)
        if errors or not valid:
            said = self.lib.icalcomponent_as_ical_string(component).decode().replace("\r\n ", "")
            complaints = [line for line in said.split("\r\n") if line.startswith("X-LIC-ERROR")]
            expect(False, name, f"libical: {complaints}")
        self.lib.icalcomponent_free(component)


def python_parsers(name, text):
    calendar = icalendar.Calendar.from_ical(text)
    for component in calendar.walk():
        expect(not component.errors, name, f"icalendar: {component.errors}")
    again = icalendar.Calendar.from_ical(calendar.to_ical())
    expect(calendar == again, name, "icalendar writes something else")
    IcsCalendarStream.calendar_from_ics(text)
    return calendar


def zones(name, calendar, until):
    """Each VTIMEZONE against the zone it is named after, from the first occurrence to the last, a day or five apart."""
    events = [c for c in calendar.walk("VEVENT")]
    starts = [e["DTSTART"].dt.astimezone(UTC) for e in events if "DTSTART" in e]
    compared = 0
    step = dt.timedelta(days=5 if len(starts) > 1 or "RRULE" in events[0] else 1)
    for zone in calendar.walk("VTIMEZONE"):
        real = zoneinfo.ZoneInfo(str(zone["TZID"]))
        if not starts:
            continue
        copy = icalendar.Timezone.from_ical(zone.to_ical().replace(zone["TZID"].encode(), b"Nowhere/Special"))
        ours = copy.to_tz(lookup_tzid=False)
        at, end = min(starts), dt.datetime.fromtimestamp(until / 1000, UTC)
        while at < end:
            got, want = at.astimezone(ours).utcoffset(), at.astimezone(real).utcoffset()
            expect(got == want, name, f"{zone['TZID']} at {at}: {got} instead of {want}")
            compared += 1
            at += step
    return compared


def ms(at):
    return round(at.timestamp() * 1000)


def in_zone(property):
    """The time of a property as Python's own zones have it: the first of two, and the offset before a gap."""
    zone = property.params.get("TZID")
    return property.dt.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0) if zone else property.dt


def occurrences(calendar, until):
    """What dateutil and the exceptions in the file say, by the name of each occurrence."""
    events = calendar.walk("VEVENT")
    whole = [e for e in events if "RECURRENCE-ID" not in e][0]
    start = in_zone(whole["DTSTART"])

    def length(event):
        # Lengths are exact: they are taken between instants, and added to instants.
        if "DTEND" in event:
            return ms(in_zone(event["DTEND"])) - ms(in_zone(event["DTSTART"]))
        return round(event["DURATION"].dt.total_seconds() * 1000)

    def one(event, name, begin, of):
        return name, [begin, begin + length(of), event.get("STATUS") == "CANCELLED"]

    limit = dt.datetime.fromtimestamp(until / 1000, UTC)
    if "RRULE" in whole:
        rule = whole["RRULE"].to_ical().decode()
        # After the last possible: local times may be a day off.
        stop = limit + dt.timedelta(days=2)
        found = []
        for at in rrule.rrulestr(rule, dtstart=start):
            if at.astimezone(UTC) > stop:
                break
            found.append(at)
    else:
        found = [start]
    excluded = whole.get("EXDATE", [])
    excluded = excluded if isinstance(excluded, list) else [excluded]
    gone = {t.dt.replace(tzinfo=None) for e in excluded for t in e.dts}
    names = {}
    for at in found:
        plain = at.replace(tzinfo=None)
        if plain not in gone:
            key, value = one(whole, plain.strftime("%Y%m%dT%H%M%S"), ms(at.replace(fold=0)), whole)
            names[key] = value
    for event in events:
        if "RECURRENCE-ID" in event:
            key = event["RECURRENCE-ID"].dt.strftime("%Y%m%dT%H%M%S")
            names.pop(key, None)
            key, value = one(event, key, ms(in_zone(event["DTSTART"])), event)
            names[key] = value
    return {key: value for key, value in names.items() if value[0] < until}


def main():
    libical = Libical()
    given = json.load(sys.stdin)["files"]
    instants = offsets = 0
    for file in given:
        name, text = file["name"], file["text"]
        grammar(name, text)
        libical.check(name, text)
        calendar = python_parsers(name, text)
        if file["occurrences"] is None:
            continue
        ends = [end for _, _, end, _ in file["occurrences"]]
        offsets += zones(name, calendar, max(ends, default=0))
        ours = {key: [begin, end, cancelled] for key, begin, end, cancelled in file["occurrences"]}
        theirs = occurrences(calendar, file["until"])
        different = {k: (ours.get(k), theirs.get(k)) for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
        expect(not different, name, f"occurrences differ (ours, theirs): {dict(list(different.items())[:3])}\n{text}")
        instants += len(ours)
    print(f"{len(given)} files, {instants} occurrences, {offsets} offsets compared, {len(wrong)} wrong")
    for line in wrong[:10]:
        print(line)
    sys.exit(bool(wrong) or not given)


main()
