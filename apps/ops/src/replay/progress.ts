/** How far long work has come, on stderr: a bar that redraws on a terminal, a line now and then elsewhere. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { remark } from "../answer.ts"

const BAR_WIDTH = 30
const REDRAW_MS = 100
const LINE_MS = 10_000

const rest = (doneShare: number, elapsedMs: number): string => {
  if (doneShare <= 0) return "–"
  const seconds = Math.round(((1 - doneShare) / doneShare) * (elapsedMs / 1000))
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `####----  40 %  400 of 1000 messages, 12 s left` */
export const progressLine = (done: number, total: number, elapsedMs: number): string => {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.round(share * BAR_WIDTH)
  const bar = `${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}`
  return `${bar} ${Math.floor(share * 100)} %  ${done} of ${total} messages, ${rest(share, elapsedMs)} left`
}

export interface Progress {
  readonly at: (done: number) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
}

/** `stream`: where a bar is drawn. */
export const startProgress = (total: number, stream: NodeJS.WriteStream = process.stderr): Effect.Effect<Progress> =>
  Effect.map(Clock.currentTimeMillis, (began) => {
    const isTerminal = stream.isTTY === true
    let shownAt = began
    return {
      at: (done) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (now - shownAt < (isTerminal ? REDRAW_MS : LINE_MS)) return Effect.void
          shownAt = now
          const line = progressLine(done, total, now - began)
          return isTerminal ? Effect.sync(() => void stream.write(`\r\u001b[K${line}`)) : remark(line)
        }),
      end: Effect.sync(() => {
        if (isTerminal) stream.write("\r\u001b[K")
      }),
    }
  })
