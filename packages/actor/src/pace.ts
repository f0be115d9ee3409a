/**
 * The pace of a partition worker: how long a lease lasts, how often something is looked at, how much one turn takes.
 */
/** A takeover waits this long for a dead owner; long enough to survive a slow checkpoint. */
export const LEASE_MS = 5_000
export const RENEW_MS = 1_000
export const ACQUIRE_RETRY_MS = 500
/** Decision 11: a clock this far ahead of the database's would expire holds and lots early. */
export const CLOCK_AHEAD_MAX_MS = 5_000
/** Holds do not expire for this long after a takeover unless the stream's end was applied before. */
export const HOLD_GRACE_MS = 60_000
export const IDLE_SNAPSHOTS = 500
/** Snapshots of actors that go to rest while others work: one page each, so few that nobody notices. */
export const TIRED_PER_RENEWAL = 50
/** Idle this long before snapshots are written: between two calls of a busy client they would only cost latency. */
export const IDLE_MS = 1_000
export const DUE_PER_COMMIT = 500
/** While callers come and go: at a boundary of 16,000 accounts commits of 500 kept each of them waiting. */
export const DUE_BESIDE = 32
/** Give the event loop a turn now and then: timers and port events starve in a loop of resolved promises. */
export const BATCHES_PER_TURN = 16
/** Commands of one commit (decision 4) while nobody waits; `Beside` says how many when a synchronous caller does. */
export const COMMANDS_MAX = 2_000
/** Decided while the commit before is written (ADR 14): a commit's fixed part spread over more, nobody waits for it. */
export const COMMANDS_AHEAD_MAX = 4_000
/** Decided at a time; between two slices the worker looks whether a caller waits. */
export const SLICE = 500

/**
 * So long after a request the next one is still expected: commits stay small and on one connection, because two that
 * take turns read all their pages anew.
 */
export const CALM_MS = 100
const BESIDE_MIN = 64
const BESIDE_FIRST = 250
const BESIDE_MAX = 1_000
/** What a commit may take while callers wait; the next one comes after it. */
const BESIDE_MS = 5

/**
 * How many commands a commit takes while callers come and go: as many as this machine does in `BESIDE_MS`. At least 64:
 * a ledger that has just started, on cores that others use too, needs 30 ms and more for 250, and everybody waits.
 */
export class Beside {
  #commands = BESIDE_FIRST

  get commands(): number {
    return this.#commands
  }

  /** A commit with as many commands as it might take has ended. */
  took(ms: number): void {
    const wanted = Math.floor(this.#commands * (ms < BESIDE_MS ? 1.1 : 0.7))
    this.#commands = Math.min(BESIDE_MAX, Math.max(BESIDE_MIN, wanted))
  }
}
