/**
 * Usage traces: when calls came and how many tokens they had. Reads the Azure LLM inference trace format
 * (`TIMESTAMP,ContextTokens,GeneratedTokens`) and generates calls of the same shape. Knows nothing of accounts or
 * money.
 */
import { readFileSync } from "node:fs"
import { random } from "./random.ts"

export interface TraceCall {
  /** Milliseconds after the first call. */
  readonly atMs: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export class TraceUnreadable extends Error {
  readonly _tag = "TraceUnreadable"
}

const HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
const LINE = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?)\d*(?:Z|\+00:00)?,(\d{1,9}),(\d{1,9})$/

/** Parses a trace; throws `TraceUnreadable` naming the line. Calls come back in order of time. */
export const parseTrace = (text: string): ReadonlyArray<TraceCall> => {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/)
  if (lines[0]?.trim() !== HEADER) throw new TraceUnreadable(`line 1: expected ${HEADER}`)
  const calls: Array<{ at: number; inputTokens: number; outputTokens: number }> = []
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!.trim()
    if (line === "") continue
    const match = LINE.exec(line)
    const at = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`)
    if (match === null || Number.isNaN(at)) throw new TraceUnreadable(`line ${i + 1}: ${line.slice(0, 80)}`)
    calls.push({ at, inputTokens: Number(match[3]), outputTokens: Number(match[4]) })
  }
  if (calls.length === 0) throw new TraceUnreadable("the trace has no calls")
  calls.sort((a, b) => a.at - b.at)
  const start = calls[0]!.at
  return calls.map(({ at, inputTokens, outputTokens }) => ({ atMs: at - start, inputTokens, outputTokens }))
}

export const loadTrace = (path: string): ReadonlyArray<TraceCall> => parseTrace(readFileSync(path, "utf8"))

/**
 * Shape of production chat traffic (measured on the Azure conversation trace of 2023): log-normal prompt lengths with
 * median e^6.63 ≈ 760, answers in two groups (short ones around 95, long ones around 400 tokens), nearly independent
 * of the prompt;
 * 5.5 calls a second whose rate swings slowly by about half, so that calls come in bursts.
 */
const PROMPT_LN = { mean: 6.633, deviation: 0.985, max: 14_050 }
const ANSWER_SHORT_LN = { mean: 4.55, deviation: 0.5 }
const ANSWER_LONG_LN = { mean: 5.99, deviation: 0.12 }
const ANSWER_LONG_SHARE = 0.36
const ANSWER_MAX = 1_000
const MEAN_GAP_MS = 181
const SWING_PERIOD_MS = 90_000

export interface GenerateTraceOptions {
  readonly calls: number
  readonly seed: number
}

/** A trace of the same shape; the same seed gives the same calls. */
export const generateTrace = (options: GenerateTraceOptions): ReadonlyArray<TraceCall> => {
  const source = random(options.seed)
  const draw = (mean: number, deviation: number, most: number): number =>
    Math.min(most, Math.max(1, Math.round(Math.exp(mean + deviation * source.normal()))))
  const calls: Array<TraceCall> = []
  let at = 0
  for (let i = 0; i < options.calls; i++) {
    const isLong = source.next() < ANSWER_LONG_SHARE
    const answer = isLong ? ANSWER_LONG_LN : ANSWER_SHORT_LN
    calls.push({
      atMs: Math.round(at),
      inputTokens: draw(PROMPT_LN.mean, PROMPT_LN.deviation, PROMPT_LN.max),
      outputTokens: draw(answer.mean, answer.deviation, ANSWER_MAX),
    })
    const rate = 1 + 0.5 * Math.sin((2 * Math.PI * at) / SWING_PERIOD_MS)
    at += (source.exponential() * MEAN_GAP_MS) / rate
  }
  return calls
}
