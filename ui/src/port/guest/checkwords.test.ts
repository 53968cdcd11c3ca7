import { expect, it } from "vitest";
import { announcedIn, kilobits, onlyBy } from "./checkwords";

const SDP = [
  "v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=candidate:1 1 udp 2130706431 192.0.2.7 443 typ host",
  "a=candidate:2 1 TCP 1671430143 192.0.2.7 443 typ host tcptype passive", "a=candidate:3 1 udp 2130706430 2001:db8::7 443 typ host", "a=end-of-candidates", "",
].join("\r\n");

it("leaves the candidates of one transport", () => {
  expect(announcedIn(SDP)).toEqual(["192.0.2.7", "2001:db8::7"]);
  expect(announcedIn(onlyBy("tcp", SDP))).toEqual(["192.0.2.7"]);
  const udp = onlyBy("udp", SDP);
  expect(udp.split("\r\n").length).toBe(SDP.split("\r\n").length - 1);
  expect(udp).not.toContain("tcptype");
  expect(udp).toContain("a=end-of-candidates");
});

it("says nothing of a line that carried next to nothing", () => {
  expect(kilobits(1_000_000, 1000)).toBe(8000);
  expect(kilobits(1000, 5000)).toBeUndefined();
  expect(kilobits(1_000_000, 0)).toBeUndefined();
});
