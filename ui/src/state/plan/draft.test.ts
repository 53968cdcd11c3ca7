import { describe, expect, it } from "vitest";
import type { MeetingPlan, PlannedOccurrence } from "../../port/schedule";
import { ALL_MAY, changeOf, differences, draftOf, faultsOf, freshDraft, newPlan, nextStart, readAddresses, roomSpan, withInvitees } from "./draft";

const NOW = Date.parse("2026-11-22T17:02:00Z");
const ZONE = "Europe/Berlin";
const fresh = () => freshDraft(nextStart(NOW), ZONE, false);
const RULES = { mayBePast: false, hadPasscode: false };

const plan: MeetingPlan = {
  id: "m", title: "Weekly", description: "", guest_link: "", passcode: true, lobby: "guests", absent_host: "anyone", permissions: ALL_MAY, cancelled: false, ended: false,
  organizer: null, invitees: [{ person: { name: "", address: "bob@example.org" }, role: "required", answer: "accepted" }], co_hosts: ["carol@example.org"], room: null, revision: 3, next: null, add_to: null, mails: false, earlier: [],
  schedule: { kind: "planned", when: { series: { first: { start: "2026-11-24T09:00:00", zone: ZONE, minutes: 60 }, rule: { pattern: { every: "week", days: ["TU"] }, interval: 1, ends: { after: 6 } } } } },
};
/** Moved from Tuesday to Wednesday. */
const moved: PlannedOccurrence = {
  name: "20261201T090000", title: "Weekly, moved", begins_at: Date.parse("2026-12-02T10:00:00Z"), ends_at: Date.parse("2026-12-02T10:30:00Z"), zone: ZONE, cancelled: false, held: null,
};

it("begins with the next half hour in the viewer's zone", () => {
  expect([fresh().date, fresh().time, fresh().zone]).toEqual(["2026-11-22", "18:30", ZONE]);
});

describe("a new meeting", () => {
  it("asks for what was filled in", () => {
    const asked = newPlan({ ...fresh(), title: " Plan ", room: "r1", asksPasscode: true, passcode: "1234" }, { name: "Ada", address: "ada@example.org" });
    expect(asked).toMatchObject({ title: "Plan", room: "r1", passcode: "1234", schedule: { kind: "planned", when: { once: { start: "2026-11-22T18:30:00", zone: ZONE, minutes: 60 } } } });
  });
  it("names its co-hosts, where there are any", () => {
    expect(newPlan(fresh(), undefined).co_hosts).toBeUndefined();
    expect(newPlan({ ...fresh(), coHosts: ["bob@example.org"] }, undefined).co_hosts).toEqual(["bob@example.org"]);
    const many = { ...fresh(), coHosts: Array.from({ length: 21 }, (_, n) => `p${n}@example.org`) };
    expect(faultsOf(many, NOW, RULES)).toEqual({ coHosts: { key: "fault.co_hosts", params: { n: 20 } } });
  });
  it("changes its co-hosts alone", () => {
    const before = draftOf(plan, "all", undefined, ZONE, false);
    expect(before.coHosts).toEqual(["carol@example.org"]);
    const after = { ...before, coHosts: [] };
    expect(changeOf(before, after, "all", undefined)).toEqual({ scope: "all", co_hosts: [] });
    expect(differences(before, after)).toEqual(["field.co_hosts"]);
  });
  it("moves its first day to the first weekday chosen", () => {
    const draft = { ...fresh(), repeat: { ...fresh().repeat, every: "week" as const, days: ["TU"] as const } };
    expect(newPlan(draft, undefined).schedule).toMatchObject({ when: { series: { first: { start: "2026-11-24T18:30:00" } } } });
  });
  it("is checked field by field", () => {
    const bad = { ...fresh(), title: "x".repeat(200), minutes: 0, zone: "Nowhere", asksPasscode: true, passcode: "1 ", repeat: { ...fresh().repeat, every: "week" as const, days: [], ends: "until" as const, until: "2020-01-01" } };
    expect(Object.keys(faultsOf(bad, NOW, RULES)).sort()).toEqual(["days", "length", "passcode", "title", "until", "zone"]);
    expect(faultsOf(fresh(), NOW, RULES)).toEqual({});
    expect(faultsOf({ ...fresh(), time: "01:00" }, NOW, RULES)).toEqual({ time: { key: "fault.past" } });
    expect(faultsOf({ ...fresh(), date: "2026-11-20" }, NOW, RULES)).toEqual({ date: { key: "fault.past" } });
    expect(faultsOf({ ...fresh(), date: "2026-11-20" }, NOW, { ...RULES, mayBePast: true })).toEqual({});
  });
});

describe("a change", () => {
  const before = draftOf(plan, "all", undefined, ZONE, false);
  it("names only what is different", () => {
    expect(changeOf(before, before, "all", undefined)).toBeUndefined();
    expect(changeOf(before, { ...before, title: "Other" }, "all", undefined)).toEqual({ scope: "all", title: "Other" });
    expect(changeOf(before, { ...before, asksPasscode: false }, "all", undefined)).toEqual({ scope: "all", passcode: null });
    expect(changeOf(before, { ...before, room: "r" }, "all", undefined)).toEqual({ scope: "all", room: "r" });
    expect(changeOf(before, { ...before, boards: "separate" }, "all", undefined)).toEqual({ scope: "all", boards: "separate" });
    expect(changeOf(before, { ...before, time: "10:00" }, "all", undefined)).toMatchObject({ schedule: { when: { series: { first: { start: "2026-11-24T10:00:00" }, rule: { ends: { after: 6 } } } } } });
  });
  it("of one occurrence starts where it is now", () => {
    const one = draftOf(plan, "this", moved, ZONE, false);
    expect([one.title, one.date, one.time, one.minutes]).toEqual(["Weekly, moved", "2026-12-02", "11:00", 30]);
    expect(changeOf(one, { ...one, minutes: 45 }, "this", moved)).toEqual({ scope: { this: "20261201T090000" }, slot: { start: "2026-12-02T11:00:00", zone: ZONE, minutes: 45 } });
  });
  it("from one on starts where its rule has it", () => {
    const rest = draftOf(plan, "following", moved, ZONE, false);
    expect([rest.date, rest.time, rest.minutes, rest.repeat.every]).toEqual(["2026-12-01", "09:00", 60, "week"]);
    expect(changeOf(rest, { ...rest, title: "Not here", time: "08:00" }, "following", moved)).toMatchObject({ scope: { following: "20261201T090000" }, schedule: { kind: "planned" } });
  });
  it("says what somebody else changed", () => {
    expect(differences(before, { ...before, title: "Other", lobby: "off" })).toEqual(["field.title", "field.entry"]);
  });
});

it("reads addresses as people paste them", () => {
  expect(readAddresses('Ada Lovelace <ada@example.org>, bob@example.org;"Li, Lei" <li@example.cn>\nnobody, 王芳@例子.中国')).toEqual({
    found: [{ name: "Ada Lovelace", address: "ada@example.org" }, { name: "Li, Lei", address: "li@example.cn" }, { address: "bob@example.org" }, { address: "王芳@例子.中国" }], bad: ["nobody"],
  });
  expect(withInvitees([{ address: "a@b.c" }], [{ address: "A@b.c" }, { address: "d@e.f" }])).toHaveLength(2);
});

it("asks about a room for the first meeting's time", () => {
  const span = roomSpan({ ...fresh(), date: "2026-11-24", time: "23:30" });
  expect(span).toMatchObject({ from: Date.parse("2026-11-24T22:30:00Z"), until: Date.parse("2026-11-24T23:30:00Z") });
});
