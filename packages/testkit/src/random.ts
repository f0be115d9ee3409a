/**
 * Seeded randomness for traces, load and workloads: the same seed gives the same run. Pure.
 */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Whole number in [0, below). */
  below(below: number): number
  /** Standard normal. */
  normal(): number
  /** Exponential with mean 1. */
  exponential(): number
  /** Fills the array with bytes. */
  bytes(into: Uint8Array): Uint8Array
}

/** mulberry32: 32 bits of state, period 2^32, good enough for workloads, never for secrets. */
export const random = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    below: (below) => Math.floor(next() * below),
    // 1 - next() is never 0, so the logarithm is finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    exponential: () => -Math.log(1 - next()),
    bytes: (into) => {
      for (let i = 0; i < into.length; i++) into[i] = Math.floor(next() * 256)
      return into
    },
  }
}

/**
 * Zipf: rank k of `count` is chosen with weight 1/(k+1)^exponent. Chooses by binary search in the cumulated weights:
 * 8 bytes a rank, log2(count) steps a choice.
 */
export const zipf = (count: number, exponent: number, source: Random): (() => number) => {
  const cumulated = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent
    cumulated[rank] = sum
  }
  return () => {
    const wanted = source.next() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulated[middle]! <= wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
