/**
 * Advancing the business clock (decision 16): freeze it, then again and again set it to the earliest due instant of all
 * owners, let each run what is due, and wait until two rounds of counters are identical. Owns the procedure; which work
 * is due is each owner's. While it runs, calls from outside are refused (`clock_advancing`), so that nothing can happen
 * in a moment that is being skipped.
 */
import type { ControlAnswer, ControlRequest } from "@credits/contracts"

/** What the procedure needs from the world; the edge gives it NATS, tests a script. */
export interface ClockWorld {
  readonly owners: ReadonlyArray<string>
  readonly ask: (owner: string, request: ControlRequest) => Promise<ControlAnswer>
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

/**
 * Between two looks at the counters: long enough for a message to cross the bus, short enough to step a year in
 * seconds.
 */
const LOOK_AGAIN_MS = 15
/** One instant's work: renewals and expiries of every account; more than this is an owner that hangs. */
const QUIET_DEADLINE_MS = 30_000
/** Steps of one advance: a year of daily events of many accounts, far below for ever. */
const STEPS_MAX = 100_000

interface Round {
  readonly quiet: boolean
  /** The counters as text: two identical rounds mean that nothing moved between them. */
  readonly counters: string
  readonly nextDue: number | null
  readonly ran: number
}

const look = async (world: ClockWorld, request: ControlRequest): Promise<Round> => {
  const answers = await Promise.all(world.owners.map((owner) => world.ask(owner, request)))
  const ends: Record<string, number> = {}
  for (const answer of answers) {
    for (const stream in answer.cursors) ends[stream] ??= await world.streamEnd(stream)
  }
  const due = answers.flatMap((answer) => (answer.nextDue === null ? [] : [answer.nextDue]))
  const quiet = answers.every(
    (answer) =>
      answer.ready &&
      answer.outboxPending === 0 &&
      answer.openRequests <= 0 &&
      Object.entries(answer.cursors).every(([stream, cursor]) => cursor >= ends[stream]!),
  )
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

/** Two identical quiet rounds one after the other at a frozen instant. */
const settle = async (world: ClockWorld, now: number): Promise<Round> => {
  const began = world.elapsed()
  let last = await look(world, { op: "clock", now, run: true })
  for (;;) {
    const next = await look(world, { op: "clock", now, run: true })
    if (next.quiet && last.quiet && next.counters === last.counters) return next
    if (world.elapsed() - began > QUIET_DEADLINE_MS) {
      throw new ClockStuck(`no quiet at ${new Date(now).toISOString()}: ${next.counters}`)
    }
    last = next
    await world.pause(LOOK_AGAIN_MS)
  }
}

/**
 * Moves the clock from `from` to `to` (`to` ≥ `from`) and answers how many pieces of due work ran. Afterwards time runs
 * on from `to`, also when an owner failed: then from the last instant that was finished.
 */
export const advanceClock = async (world: ClockWorld, from: number, to: number): Promise<number> => {
  let now = from
  try {
    await world.freezeAt(now)
    const ranBefore = (await look(world, { op: "status" })).ran
    let round = await settle(world, now)
    for (let step = 0; step < STEPS_MAX; step++) {
      const due = round.nextDue
      if (due !== null && due <= now)
        throw new ClockStuck(`work due at ${new Date(due).toISOString()} is not being run`)
      const next = due === null || due > to ? to : due
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
