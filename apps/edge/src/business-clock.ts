/**
 * Advancing the business clock (decision 16): freeze it, then again and again set it to the end of the window that
 * begins with the earliest due instant of all owners, let each run what is due, every piece at its own instant, and
 * wait until two rounds of counters are identical (ADR 16 says why windows). Owns the procedure; which work is due is
 * each owner's. While it runs, calls from outside are refused (`clock_advancing`), so that nothing can happen in a
 * moment that is being skipped.
 */
import type { ControlAnswer, ControlRequest } from "@credits/contracts"

/** What the procedure needs from the world; the edge gives it NATS, tests a script. */
export interface ClockWorld<Owner extends string = string> {
  readonly owners: ReadonlyArray<Owner>
  readonly ask: (owner: Owner, request: ControlRequest) => Promise<ControlAnswer>
  /** Newest sequence of each stream that an owner reports a cursor for. */
  readonly streamEnd: (stream: string) => Promise<number>
  readonly freezeAt: (instant: number) => Promise<void>
  /** Lets time run on from an instant. */
  readonly runOnFrom: (instant: number) => Promise<void>
  readonly pause: (ms: number) => Promise<void>
  /** Monotonic milliseconds. */
  readonly elapsed: () => number
}

/** An owner does not come to rest, or does not answer. The clock stands where the last finished step left it. */
export class ClockStuck extends Error {
  override readonly name = "ClockStuck"
}

/** Between two looks while something is open: a message crosses the bus in less. */
const LOOK_AGAIN_MS = 5
/** A look costs everybody's time: the longer a step takes, the longer until the next, a tenth of what it has taken. */
const LOOK_AGAIN_SHARE = 0.1
const LOOK_AGAIN_MS_MAX = 100
/** Nothing has moved for this long and something is open still: an owner hangs. */
const QUIET_DEADLINE_MS = 30_000
/** Steps of one advance: a year of events of many accounts every hour, far below for ever. */
const STEPS_MAX = 100_000
/**
 * Due instants this close together are run in one step: renewals of customers who signed up in the same minute, charges
 * that the processor's rate limit spaces out (20 a second). Shorter than any two instants that depend on each other
 * across services: retries, reminders and holds are minutes to days apart.
 */
export const WINDOW_MS = 60_000
const DAY_MS = 86_400_000

/**
 * The end of the window that begins at `due`, inclusive: a midnight in UTC begins a new one, months are counted by it.
 */
export const windowEnd = (due: number): number => Math.min(due + WINDOW_MS, (Math.floor(due / DAY_MS) + 1) * DAY_MS - 1)

interface Round {
  readonly quiet: boolean
  /** The counters as text: two identical rounds mean that nothing moved between them. */
  readonly counters: string
  readonly nextDue: number | null
  readonly ran: number
}

const isAtRest = (answer: ControlAnswer): boolean =>
  answer.ready && answer.outboxPending === 0 && answer.openRequests <= 0

const look = async <Owner extends string>(world: ClockWorld<Owner>, request: ControlRequest): Promise<Round> => {
  const answers = await Promise.all(world.owners.map((owner) => world.ask(owner, request)))
  const areAtRest = answers.every(isAtRest)
  // Where a stream ends matters only once nobody is going to write to it.
  const streams = areAtRest ? [...new Set(answers.flatMap((answer) => Object.keys(answer.cursors)))] : []
  const ends = Object.fromEntries(
    await Promise.all(streams.map(async (stream) => [stream, await world.streamEnd(stream)] as const)),
  )
  const due = answers.flatMap((answer) => (answer.nextDue === null ? [] : [answer.nextDue]))
  const quiet =
    areAtRest &&
    answers.every(({ cursors }) => Object.entries(cursors).every(([stream, cursor]) => cursor >= ends[stream]!))
  const counters = JSON.stringify([
    ends,
    answers.map((a) => [a.service, a.nextDue, a.ran, a.cursors, a.outboxPending, a.openRequests]),
  ])
  return {
    quiet,
    counters,
    nextDue: due.length === 0 ? null : Math.min(...due),
    ran: answers.reduce((n, a) => n + a.ran, 0),
  }
}

/**
 * Everybody is told of the instant before anybody runs the work of it: what one owner's work asks of another must not
 * meet a clock that stands a step, so perhaps a day, behind.
 */
const tell = <Owner extends string>(world: ClockWorld<Owner>, now: number): Promise<unknown> =>
  Promise.all(world.owners.map((owner) => world.ask(owner, { op: "clock", now, run: false })))

const pauseAfter = (tookMs: number): number =>
  Math.min(LOOK_AGAIN_MS_MAX, Math.max(LOOK_AGAIN_MS, tookMs * LOOK_AGAIN_SHARE))

/** Two identical quiet rounds one after the other at a frozen instant. */
const settle = async <Owner extends string>(world: ClockWorld<Owner>, now: number): Promise<Round> => {
  await tell(world, now)
  const beganAt = world.elapsed()
  let movedAt = beganAt
  let last = await look(world, { op: "clock", now, run: true })
  for (;;) {
    const next = await look(world, { op: "clock", now, run: true })
    const moved = next.counters !== last.counters
    if (next.quiet && last.quiet && !moved) return next
    if (moved) movedAt = world.elapsed()
    if (world.elapsed() - movedAt > QUIET_DEADLINE_MS) {
      throw new ClockStuck(`no quiet at ${new Date(now).toISOString()}: ${next.counters}`)
    }
    last = next
    if (!next.quiet) await world.pause(pauseAfter(world.elapsed() - beganAt))
  }
}

/**
 * Moves the clock from `from` to `to` (`to` ≥ `from`) and answers how many pieces of due work ran. Afterwards time runs
 * on from `to`, also when an owner failed: then from the last instant that was finished.
 */
export const advanceClock = async <Owner extends string>(
  world: ClockWorld<Owner>,
  from: number,
  to: number,
): Promise<number> => {
  let now = from
  try {
    await world.freezeAt(now)
    const ranBefore = (await look(world, { op: "status" })).ran
    let round = await settle(world, now)
    for (let step = 0; step < STEPS_MAX; step++) {
      const due = round.nextDue
      if (due !== null && due <= now)
        throw new ClockStuck(`work due at ${new Date(due).toISOString()} is not being run`)
      const next = due === null || due > to ? to : Math.min(to, windowEnd(due))
      if (next === now) return round.ran - ranBefore
      await world.freezeAt(next)
      now = next
      round = await settle(world, now)
    }
    throw new ClockStuck(`more than ${STEPS_MAX} due instants on the way`)
  } finally {
    await world.runOnFrom(now)
  }
}
