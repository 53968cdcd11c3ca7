// A picture that stands still but goes on being sent, so that people who come later see it too.

export interface Frozen {
  track: MediaStreamTrack;
  stop(): void;
}

/** The track's picture of this moment as a track of its own; nothing where it has no picture. */
export async function freeze(track: MediaStreamTrack): Promise<Frozen | undefined> {
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = new MediaStream([track]);
  await video.play().catch(() => {});
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  if (context === null || canvas.width === 0) return undefined;
  context.drawImage(video, 0, 0);
  const still = await createImageBitmap(canvas);
  video.srcObject = null;
  const copy = canvas.captureStream(2).getVideoTracks()[0];
  if (copy === undefined) return undefined;
  copy.contentHint = "detail";
  // A canvas gives a frame only when it is drawn to.
  const timer = setInterval(() => context.drawImage(still, 0, 0), 500);
  return {
    track: copy,
    stop: () => {
      clearInterval(timer);
      copy.stop();
      still.close();
    },
  };
}
