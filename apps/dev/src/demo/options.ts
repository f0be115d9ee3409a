/** What `npm run demo -- …` takes. Owns the words and their defaults. */
import { parseArgs } from "node:util"

export interface DemoOptions {
  /** A trace in the Azure LLM inference format; absent: calls of the same shape are generated. */
  readonly trace: string | undefined
  /** Calls to play; absent: all of the trace, or 5,000 generated ones. */
  readonly calls: number | undefined
  /** Trace time divided by this; absent: as fast as answers come. */
  readonly speed: number | undefined
  readonly seed: number
  /** Calls in flight, at most. */
  readonly concurrency: number
}

export const GENERATED_CALLS = 5_000

export const USAGE = `usage: npm run demo -- [--trace FILE] [--calls N] [--speed X] [--seed N] [--concurrency N]

  --trace FILE     play this trace (TIMESTAMP,ContextTokens,GeneratedTokens); without it calls are generated
  --calls N        play only the first N calls (default: all; generated: ${GENERATED_CALLS.toLocaleString("en-US")})
  --speed X        X times as fast as the trace (default: as fast as answers come)
  --seed N         who calls what, and the generated calls (default 1)
  --concurrency N  calls in flight (default 64)
`

const number = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0) || value > 1e9) throw new RangeError(`--${name} must be a number above 0, not ${text}`)
  return value
}

/** Throws a RangeError or TypeError with one sentence. */
export const readOptions = (args: ReadonlyArray<string>): DemoOptions => {
  const flag = { type: "string" } as const
  const options = { trace: flag, calls: flag, speed: flag, seed: flag, concurrency: flag }
  const { values } = parseArgs({ args: [...args], options })
  return {
    trace: values.trace,
    calls: number(values.calls, "calls"),
    speed: number(values.speed, "speed"),
    seed: number(values.seed, "seed") ?? 1,
    concurrency: Math.min(2_000, Math.ceil(number(values.concurrency, "concurrency") ?? 64)),
  }
}
