/** Waiting for facts, with a deadline and the last thing seen: no test here sleeps for a time it guessed. */

const LOOK_EVERY_MS = 20

/** Looks until it `holds`; a look that throws counts as "not yet". @throws Error with what was seen last. */
export const until = async <A>(
  what: string,
  look: () => Promise<A> | A,
  holds: (value: A) => boolean,
  withinMs = 30_000,
): Promise<A> => {
  const deadline = performance.now() + withinMs
  let seen: unknown
  for (;;) {
    try {
      const value = await look()
      seen = value
      if (holds(value)) return value
    } catch (error) {
      seen = error instanceof Error ? error.message : error
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${shown(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part)) ?? String(value)

/** `work`, or an error when it takes longer. */
export const within = async <A>(what: string, ms: number, work: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
