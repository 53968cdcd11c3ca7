// WebCodecs behind the face a stream knows.

import type { Decoder, Picture } from "./stream";

/** Times since the first unit: large ones lose precision on their way through some media frameworks. */
let epoch: number | undefined;

/** Throws where the codec is not supported. */
export function webCodecs(codec: string, output: (picture: Picture, timestamp: number) => void, failed: () => void): Decoder {
  const decoder = new VideoDecoder({
    output: (frame) => {
      const picture = {
        width: frame.displayWidth,
        height: frame.displayHeight,
        source: frame,
        close: () => frame.close(),
      };
      output(picture, frame.timestamp + (epoch ?? 0));
    },
    error: failed,
  });
  decoder.configure({ codec, optimizeForLatency: true });
  return {
    decode: (key, timestamp, data) => {
      epoch ??= timestamp;
      decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: timestamp - epoch, data }));
    },
    close: () => {
      if (decoder.state !== "closed") decoder.close();
    },
  };
}

export function canDecode(): boolean {
  return typeof VideoDecoder !== "undefined" && typeof EncodedVideoChunk !== "undefined";
}
