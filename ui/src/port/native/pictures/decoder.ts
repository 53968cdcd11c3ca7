// WebCodecs behind the face a stream knows.

import { codecOf } from "./codec";
import type { Decoder, Picture } from "./stream";
import type { Kind } from "./wire";

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

/** What this webview decodes beside H.264 and VP8: some have AV1 only where the machine has hardware for it. */
export async function furtherCodecs(): Promise<Kind[]> {
  if (!canDecode()) return [];
  const supports = async (kind: Kind): Promise<boolean> => {
    const codec = codecOf(kind, new Uint8Array());
    if (codec === undefined) return false;
    const answer = await VideoDecoder.isConfigSupported({ codec }).catch(() => undefined);
    return answer?.supported === true;
  };
  const kinds = ["vp9", "av1"] as const;
  const found = await Promise.all(kinds.map(supports));
  return kinds.filter((_, i) => found[i]);
}

export function canDecode(): boolean {
  return typeof VideoDecoder !== "undefined" && typeof EncodedVideoChunk !== "undefined";
}
