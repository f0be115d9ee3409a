/**
 * Load drivers with one definition of latency, for anything that answers: NATS requests or HTTP.
 *
 * Open loop: calls start when the schedule says, whether or not earlier ones were answered, and latency counts from the
 * **scheduled** instant: what a user at that rate feels. Closed loop: a fixed number of callers, each waiting for its
 * answer: the most throughput there is. A closed loop hides stalls (measured: p99 4 ms where the open loop saw 295
 * ms), so it never speaks for latency under load.
 */
import { build, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js"

export type CallOutcome = "ok" | "refused" | "failed"
/** One call; `index` counts from 0. A rejection counts as `failed`. */
export type LoadCall = (index: number) => Promise<CallOutcome>

export interface LatencySummary {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  readonly mean: number
}

export interface LoadResult {
  readonly kind: "open" | "closed"
  readonly seconds: number
  /** Calls started, and of them answered. */
  readonly sent: number
  readonly answered: number
  readonly ok: number
  readonly refused: number
  readonly failed: number
  /** Not sent because too many were unanswered: the system was overrun. */
  readonly dropped: number
  /** Sent more than `LATE_MS` after their instant: the generator itself was late. */
  readonly late: number
  readonly perSecond: number
  /** Milliseconds. Open loop: from the scheduled instant. */
  readonly latency: LatencySummary
  /** Milliseconds between a call's scheduled instant and when it was sent. All 0 in a closed loop. */
  readonly lateness: LatencySummary
  /** Base64 of the latency histogram in µs (HdrHistogram V2), to merge the results of several drivers. */
  readonly histogram: string
}

/** 1 µs to 60 s at three digits. */
export const latencyHistogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 })

const micros = (ms: number): number => Math.min(59_999_999, Math.max(1, Math.round(ms * 1000)))

export const summaryOf = (histogram: Histogram): LatencySummary => {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000
  if (histogram.totalCount === 0) return { p50: 0, p90: 0, p99: 0, p999: 0, max: 0, mean: 0 }
  return {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.maxValue / 1000,
    mean: histogram.mean / 1000,
  }
}

class Tally {
  readonly latency = latencyHistogram()
  readonly lateness = latencyHistogram()
  sent = 0
  ok = 0
  refused = 0
  failed = 0
  dropped = 0
  late = 0

  count(outcome: CallOutcome): void {
    if (outcome === "ok") this.ok++
    else if (outcome === "refused") this.refused++
    else this.failed++
  }

  result(kind: LoadResult["kind"], seconds: number): LoadResult {
    const answered = this.ok + this.refused + this.failed
    return {
      kind,
      seconds,
      sent: this.sent,
      answered,
      ok: this.ok,
      refused: this.refused,
      failed: this.failed,
      dropped: this.dropped,
      late: this.late,
      perSecond: answered / seconds,
      latency: summaryOf(this.latency),
      lateness: summaryOf(this.lateness),
      histogram: encodeIntoCompressedBase64(this.latency),
    }
  }
}

/** Evenly spaced instants in milliseconds from the start. */
export const steadySchedule = (perSecond: number, seconds: number): Float64Array => {
  const count = Math.floor(perSecond * seconds)
  return Float64Array.from({ length: count }, (_, i) => (i * 1000) / perSecond)
}

export interface OpenLoopOptions {
  /** Instants of the calls in milliseconds from the start, ascending. */
  readonly schedule: Float64Array
  readonly call: LoadCall
  /** Unanswered calls, at most; a call that falls due beyond it is dropped and counted. Default 20,000. */
  readonly unansweredMax?: number
  /** After the last instant wait this long for answers; what is then open counts as failed. Default 10,000 ms. */
  readonly settleMs?: number
  /** Not counted: calls scheduled before this, milliseconds. */
  readonly warmupMs?: number
}

/** A timer of 1 ms fires after 1–2: calls within it go out together. More than that is the generator's own fault. */
export const LATE_MS = 2.5

/** Calls further apart than this are awaited turn by turn at the end, so that no timer's lateness counts as latency. */
const SPARSE_MS = 5
const TIMER_LATE_MS = 2

/**
 * Resolves when all calls are answered or given up. Sleeps between instants instead of spinning: a spinning generator
 * takes the processor from what it measures (p99 35 ms instead of 9 on two cores).
 */
export const openLoop = async (options: OpenLoopOptions): Promise<LoadResult> => {
  const { schedule, call } = options
  const unansweredMax = options.unansweredMax ?? 20_000
  const warmupMs = options.warmupMs ?? 0
  const tally = new Tally()
  let open = 0
  let next = 0
  const start = performance.now()
  const send = (index: number, scheduled: number): void => {
    const counted = scheduled >= warmupMs
    if (open >= unansweredMax) {
      if (counted) tally.dropped++
      return
    }
    open++
    const lag = performance.now() - start - scheduled
    if (counted) {
      tally.sent++
      tally.lateness.recordValue(micros(lag))
      if (lag > LATE_MS) tally.late++
    }
    const answered = (outcome: CallOutcome): void => {
      open--
      if (!counted) return
      tally.latency.recordValue(micros(performance.now() - start - scheduled))
      tally.count(outcome)
    }
    call(index).then(answered, () => answered("failed"))
  }
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const now = performance.now() - start
      while (next < schedule.length && schedule[next]! <= now) send(next, schedule[next++]!)
      if (next >= schedule.length) return resolve()
      const gap = schedule[next]! - now
      const isSparse = next > 0 && schedule[next]! - schedule[next - 1]! >= SPARSE_MS
      if (!isSparse) setTimeout(turn, Math.max(1, Math.floor(gap)))
      else if (gap < TIMER_LATE_MS) setImmediate(turn)
      else setTimeout(turn, Math.floor(gap - TIMER_LATE_MS) || 1)
    }
    turn()
  })
  const giveUpAt = performance.now() + (options.settleMs ?? 10_000)
  while (open > 0 && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 1))
  tally.failed += open
  const seconds = (performance.now() - start - warmupMs) / 1000
  return tally.result("open", seconds)
}

export interface ClosedLoopOptions {
  readonly callers: number
  readonly seconds: number
  readonly call: LoadCall
  /** Not counted: the first milliseconds. Default 500. */
  readonly warmupMs?: number
}

/** Each caller sends its next call when the one before is answered, until the time is over. */
export const closedLoop = async (options: ClosedLoopOptions): Promise<LoadResult> => {
  const tally = new Tally()
  const warmupMs = options.warmupMs ?? 500
  const start = performance.now()
  const countFrom = start + warmupMs
  const end = countFrom + options.seconds * 1000
  let index = 0
  const caller = async (): Promise<void> => {
    for (;;) {
      const sentAt = performance.now()
      if (sentAt >= end) return
      const outcome = await options.call(index++).catch((): CallOutcome => "failed")
      const now = performance.now()
      // Both ends inside the counted window, else the first and last answers would flatter the rate.
      if (sentAt < countFrom || now > end) continue
      tally.sent++
      tally.latency.recordValue(micros(now - sentAt))
      tally.count(outcome)
    }
  }
  await Promise.all(Array.from({ length: options.callers }, caller))
  return tally.result("closed", options.seconds)
}
