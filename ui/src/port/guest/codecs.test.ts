import { expect, it } from "vitest";
import { cameraLayers, known, preferAudio, preferVideo } from "./codecs";

const h264 = (id: string, mode: number) => ({ mimeType: "video/H264", sdpFmtpLine: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${id}` });
const chromium = [
  { mimeType: "video/VP8" }, { mimeType: "video/rtx" }, { mimeType: "video/VP9", sdpFmtpLine: "profile-id=0" },
  h264("42001f", 1), h264("42e01f", 0), h264("42e01f", 1), h264("4d001f", 1), { mimeType: "video/AV1" }, { mimeType: "video/red" },
];
const firefox = [{ mimeType: "video/VP8" }, { mimeType: "video/VP9" }, { mimeType: "video/rtx" }];

it("offers H.264 in mode 1 first, VP8 second, and keeps retransmission", () => {
  expect(preferVideo(chromium).map((c) => c.mimeType)).toEqual(["video/H264", "video/VP8", "video/rtx"]);
  expect(preferVideo(chromium)[0]).toEqual(h264("42e01f", 1));
});

it("offers nothing but Opus for sound, and copies of it after it", () => {
  expect(preferAudio([{ mimeType: "audio/red" }, { mimeType: "audio/opus" }, { mimeType: "audio/PCMU" }])).toEqual([{ mimeType: "audio/opus" }, { mimeType: "audio/red" }]);
});

it("falls back to VP8 where there is no H.264", () => {
  expect(preferVideo(firefox).map((c) => c.mimeType)).toEqual(["video/VP8", "video/rtx"]);
  expect(known(firefox)).toEqual(["vp8"]);
  expect(known(chromium)).toEqual(["h264", "vp8"]);
});

it("offers as many layers as a browser encodes at the camera's size", () => {
  const heights = (w: number, h: number) => cameraLayers(w, h).map((l) => [l.rid, l.height]);
  expect(heights(1280, 720)).toEqual([["q", 180], ["h", 360], ["f", 720]]);
  expect(heights(640, 360)).toEqual([["q", 180], ["h", 360]]);
  expect(heights(640, 480)).toEqual([["q", 240], ["h", 480]]);
  expect(heights(320, 180)).toEqual([["q", 180]]);
});
