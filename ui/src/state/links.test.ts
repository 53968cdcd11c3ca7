import { describe, expect, it } from "vitest";
import { hostKeyIn, linkify, meetingInPath, parseDestination, readServer } from "./links";

const id = "0123456789abcdefghjkmnpqrs";
const key = "zyxwvtsrqpnmkjhgfedcba9876";
const here = "https://meet.example";

describe("parseDestination", () => {
  it("reads guest links, host links, paths, deep links and bare ids of this server", () => {
    for (const text of [`${here}/m/${id}`, `  ${id} `, `/m/${id}`, `confab://join/meet.example/${id}`]) {
      expect(parseDestination(text, here), text).toEqual({ kind: "here", meeting: id });
    }
    expect(parseDestination(`${here}/m/${id}#host=${key}`, here)).toEqual({ kind: "here", meeting: id, hostKey: key });
  });
  it("tells another server's link from our own", () => {
    expect(parseDestination(`https://other.example/m/${id}?x=1`, here)).toEqual({
      kind: "elsewhere", url: `https://other.example/m/${id}`, host: "other.example",
    });
    expect(parseDestination(`confab://join/other.example/${id}`, here)).toMatchObject({ kind: "elsewhere", host: "other.example" });
  });
  it("makes nothing of anything else", () => {
    for (const text of ["", "hello", "javascript:alert(1)", `ftp://meet.example/m/${id}`, `${here}/m/SHORT`, `${here}/x/${id}`, "confab://join/", "https://"]) {
      expect(parseDestination(text, here), text).toEqual({ kind: "none" });
    }
  });
});

describe("hostKeyIn", () => {
  it("takes only keys of the right form", () => {
    expect(hostKeyIn(`#host=${key}`)).toBe(key);
    for (const bad of ["", "#", "#host=", "#host=<script>", "#other=1"]) expect(hostKeyIn(bad)).toBeUndefined();
  });
});

it("finds the meeting in a page's path", () => {
  expect(meetingInPath(`/m/${id}`)).toBe(id);
  expect(meetingInPath(`/m/${id}.ics`)).toBeUndefined();
  expect(meetingInPath("/")).toBeUndefined();
});

describe("linkify", () => {
  const links = (text: string) => linkify(text).flatMap((p) => p.href ?? []);
  it("loses no letter", () => {
    for (const text of ["", "a https://x.org/ b", "(https://x.org/a_(b)).", "看 https://x.org/好。再见", "http:// https://", "javascript:alert(1)"]) {
      expect(linkify(text).map((p) => p.text).join("")).toBe(text);
    }
  });
  it("keeps the sentence's punctuation out of the link", () => {
    expect(links("See https://x.org/a, then (https://x.org/b_(c)).")).toEqual(["https://x.org/a", "https://x.org/b_(c)"]);
    expect(links("看 https://x.org/a。")).toEqual(["https://x.org/a"]);
  });
  it("never links other schemes, markup or a disguised host", () => {
    expect(links("javascript:alert(1) data:text/html,x <a href=x> https://good.org@evil.org/")).toEqual([]);
  });
});

describe("readServer", () => {
  it("adds https and takes nothing but the origin", () => {
    expect(readServer(" meet.example ")).toBe("https://meet.example");
    expect(readServer("https://meet.example:8443/")).toBe("https://meet.example:8443");
    expect(readServer("http://localhost:8480")).toBe("http://localhost:8480");
  });
  it("refuses what is no server", () => {
    for (const text of ["", "two words", "ftp://meet.example", "https://meet.example/m/x", "https://a:b@meet.example", "javascript:alert(1)", "https://meet.example/?q"]) {
      expect(readServer(text), text).toBeUndefined();
    }
  });
});

it("reads a link where no server is set", () => {
  expect(parseDestination(`https://meet.example/m/${id}`, "")).toMatchObject({ kind: "elsewhere", host: "meet.example" });
  expect(parseDestination(`confab://join/meet.example/${id}`, "")).toMatchObject({ kind: "elsewhere", host: "meet.example" });
  expect(parseDestination(`/m/${id}`, "")).toEqual({ kind: "none" });
});
