/**
 * Token buckets: a budget of so many at once, refilled at so many a second, for each of very many keys. Pure: time is
 * an input. Memory is bounded: of more keys than that, those touched longest ago are forgotten, which fills them.
 */

export interface Budget {
  readonly burst: number
  readonly perSecond: number
}

interface Bucket {
  level: number
  /** Milliseconds of any clock that only moves forward. */
  at: number
}

export class TokenBuckets {
  /** Touched longest ago first. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #keysMax: number

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes one: 0, or the milliseconds until there is one to take. */
  take(key: string, { burst, perSecond }: Budget, now: number): number {
    const bucket = this.#touched(key, burst, now)
    bucket.level = Math.min(burst, bucket.level + (Math.max(0, now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    if (bucket.level < 1) return Math.ceil(((1 - bucket.level) * 1000) / perSecond)
    bucket.level -= 1
    return 0
  }

  #touched(key: string, burst: number, now: number): Bucket {
    const found = this.#buckets.get(key)
    if (found !== undefined) this.#buckets.delete(key)
    else if (this.#buckets.size >= this.#keysMax) {
      const [oldest] = this.#buckets.keys()
      this.#buckets.delete(oldest!)
    }
    const bucket = found ?? { level: burst, at: now }
    this.#buckets.set(key, bucket)
    return bucket
  }
}
