/** Counts by upper bound, as Prometheus has them. Plain: adding costs a few comparisons, nothing is allocated. */

/** What a service reports in its status; bounds in the unit of its name. */
export interface HistogramData {
  readonly le: ReadonlyArray<number>
  /** Not cumulative; one more than bounds: what is above the last. */
  readonly counts: ReadonlyArray<number>
  readonly sum: number
}

export class Histogram {
  readonly #le: ReadonlyArray<number>
  readonly #counts: Array<number>
  #sum = 0

  constructor(le: ReadonlyArray<number>) {
    this.#le = le
    this.#counts = Array.from({ length: le.length + 1 }, () => 0)
  }

  add(value: number): void {
    let at = 0
    while (at < this.#le.length && value > this.#le[at]!) at++
    this.#counts[at]! += 1
    this.#sum += value
  }

  get data(): HistogramData {
    return { le: this.#le, counts: [...this.#counts], sum: this.#sum }
  }
}

export const isHistogram = (value: object): value is HistogramData => "le" in value && "counts" in value
