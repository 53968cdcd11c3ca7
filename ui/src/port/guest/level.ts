// How loud a track is now, for the meter: nothing of it leaves the page.

export class LevelProbe {
  #context: AudioContext | undefined;
  #source: MediaStreamAudioSourceNode | undefined;
  #analyser: AnalyserNode | undefined;
  #samples = new Float32Array(1024);

  /** Follows a track; undefined lets the audio hardware rest. */
  listen(track: MediaStreamTrack | undefined): void {
    this.#source?.disconnect();
    this.#source = undefined;
    if (track === undefined || typeof AudioContext === "undefined") {
      void this.#context?.suspend().catch(() => {});
      return;
    }
    this.#context ??= new AudioContext();
    void this.#context.resume().catch(() => {});
    this.#analyser ??= this.#context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  /** 0 for silence to 1 for full scale, on a scale of loudness: -60 dBFS is 0. */
  read(): number {
    if (this.#analyser === undefined || this.#source === undefined) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return loudness(this.#samples);
  }
}

/** RMS of samples in -1…1 as 0…1 over 60 dB. */
export function loudness(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += (samples[i] as number) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  return rms === 0 ? 0 : Math.min(1, Math.max(0, 1 + Math.log10(rms) / 3));
}
