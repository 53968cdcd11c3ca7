// Percentiles of the last values of something, for statistics that cost nothing while nobody asks.

const KEPT = 512;

export class Recent {
  readonly #values = new Float64Array(KEPT);
  #count = 0;

  add(value: number): void {
    this.#values[this.#count % KEPT] = value;
    this.#count += 1;
  }

  /** `share` from 0 to 1; -1 where nothing was added. */
  percentile(share: number): number {
    const sorted = this.#values.slice(0, Math.min(this.#count, KEPT)).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? -1;
  }
}
