import { expect, it } from "vitest";
import { cameraLayers, known, named, preferAudio, preferVideo, sends } from "./codecs";

const h264 = (id: string, mode: number) => ({ mimeType: "video/H264", sdpFmtpLine: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${id}` });
const chromium = [
  { mimeType: "video/VP8" }, { mimeType: "video/rtx" }, { mimeType: "video/VP9", sdpFmtpLine: "profile-id=0" }, { mimeType: "video/VP9", sdpFmtpLine: "profile-id=2" },
  h264("42001f", 1), h264("42e01f", 0), h264("42e01f", 1), h264("4d001f", 1), { mimeType: "video/AV1", sdpFmtpLine: "level-idx=5;profile=0;tier=0" },
  { mimeType: "video/AV1", sdpFmtpLine: "level-idx=5;profile=1;tier=0" }, { mimeType: "video/red" },
];
const firefox = [{ mimeType: "video/VP8" }, { mimeType: "video/VP9" }, { mimeType: "video/rtx" }];

it("offers H.264 in mode 1 first, VP8 second, AV1 and VP9 of 8 bits, and keeps retransmission", () => {
  expect(preferVideo(chromium).map((c) => c.mimeType)).toEqual(["video/H264", "video/VP8", "video/AV1", "video/VP9", "video/rtx"]);
  expect(preferVideo(chromium)[0]).toEqual(h264("42e01f", 1));
});

it("offers nothing but Opus for sound, and copies of it after it", () => {
  expect(preferAudio([{ mimeType: "audio/red" }, { mimeType: "audio/opus" }, { mimeType: "audio/PCMU" }])).toEqual([{ mimeType: "audio/opus" }, { mimeType: "audio/red" }]);
});

it("falls back to VP8 where there is no H.264", () => {
  expect(preferVideo(firefox).map((c) => c.mimeType)).toEqual(["video/VP8", "video/VP9", "video/rtx"]);
  expect(known(firefox)).toEqual(["vp8", "vp9"]);
  expect(known(chromium)).toEqual(["h264", "vp8", "av1", "vp9"]);
});

it("leaves profiles out that the server does not agree on", () => {
  expect(named([{ mimeType: "video/AV1" }], "av1")).toHaveLength(1);
  expect(named([{ mimeType: "video/AV1", sdpFmtpLine: "profile=0; level-idx=8" }], "av1")).toEqual([]);
  expect(named([{ mimeType: "video/VP9", sdpFmtpLine: "profile-id=2" }], "vp9")).toEqual([]);
});

it("sends a screen in VP9 where there are cores for it, and a camera never", () => {
  expect(sends("screen", chromium, 8)).toEqual(["vp9", "h264", "vp8"]);
  expect(sends("screen", chromium, 2)).toEqual(["h264", "vp8"]);
  expect(sends("camera", chromium, 8)).toEqual(["h264", "vp8"]);
  expect(sends("screen", firefox, 4)).toEqual(["vp9", "vp8"]);
});

it("offers as many layers as a browser encodes at the camera's size", () => {
  const heights = (w: number, h: number) => cameraLayers(w, h).map((l) => [l.rid, l.height]);
  expect(heights(1280, 720)).toEqual([["q", 180], ["h", 360], ["f", 720]]);
  expect(heights(640, 360)).toEqual([["q", 180], ["h", 360]]);
  expect(heights(640, 480)).toEqual([["q", 240], ["h", 480]]);
  expect(heights(320, 180)).toEqual([["q", 180]]);
});
