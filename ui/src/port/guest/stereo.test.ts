import { expect, it } from "vitest";
import { hearsStereo, takesMusic } from "./stereo";

const sound = (fmtp: string) => `m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n${fmtp}a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n`;
const picture = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n";
const sdp = (fmtp: string) => `v=0\r\ns=-\r\n${sound(fmtp)}${picture}${sound(fmtp)}`;

it("says in every section of sound, and in no other, that two sides are heard", () => {
  expect(hearsStereo(sdp("a=fmtp:111 minptime=10;useinbandfec=1\r\n"))).toBe(sdp("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n"));
});

it("says it where there were no parameters, and once where it was said", () => {
  expect(hearsStereo(sdp(""))).toBe(sdp("a=fmtp:111 stereo=1\r\n"));
  const said = sdp("a=fmtp:111 stereo=1;useinbandfec=1\r\n");
  expect(hearsStereo(said)).toBe(said);
});

it("asks for music in packets of 10 ms", () => {
  const asked = takesMusic(sdp("a=fmtp:111 minptime=10\r\n"), true);
  expect(asked.match(/a=fmtp:111 minptime=10;stereo=1;maxaveragebitrate=128000\r\n/g)).toHaveLength(2);
  expect(asked.match(/a=ptime:10\r\n/g)).toHaveLength(2);
  expect(asked.split("m=video")[1]?.split("m=audio")[0]).not.toContain("ptime");
  expect(takesMusic(asked, true)).toBe(asked);
});

it("asks for a voice in mono whatever the answer says", () => {
  expect(takesMusic(sdp("a=fmtp:111 stereo=1;minptime=10\r\n"), false)).toBe(sdp("a=fmtp:111 minptime=10\r\n"));
});
