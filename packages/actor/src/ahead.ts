/**
 * Deciding ahead: while one batch of stream commands is being written in a thread of its own, the next is decided on
 * top of it. Nothing of a batch leaves before its own commit (I5), and a batch is sent to be written only when the one
 * before is committed. When a commit fails, what was decided behind it is given up too: both are decided again, one
 * after the other, from what the database holds. Owns the two batches; how a batch is decided, sealed and told to the
 * world is the executor's.
 */
import type { CommandUnit, Draft } from "./batch.ts"
import type { StreamCommand } from "./machine.ts"
import type { Claim, NewSnapshot, Writer } from "./rows.ts"

type Units = ReadonlyArray<CommandUnit<StreamCommand>>

/** Decided, not sent yet: grows by slices. */
export interface OpenBatch<State> {
  readonly draft: Draft<State>
  readonly commands: Array<CommandUnit<StreamCommand>>
  readonly claims: Array<Claim>
}

/** On its way to the database. */
export interface Flight<State> {
  readonly draft: Draft<State>
  readonly commands: Units
  readonly snapshots: ReadonlyArray<NewSnapshot>
  readonly done: Promise<ReadonlyArray<number>>
}

export interface AheadParts<State> {
  readonly writer: Writer
  readonly leaseMs: number
  /** Closes a batch: snapshots, blocks, cursors. */
  readonly seal: (open: OpenBatch<State>) => Pick<Flight<State>, "snapshots"> & {
    readonly batch: Parameters<Writer["commit"]>[0]
  }
  readonly committed: (flight: Flight<State>, applied: ReadonlyArray<number>) => Promise<void>
  /** Takes back what was decided and decides it again by the careful way. Throws when memory is worth nothing. */
  readonly failed: (
    error: unknown,
    drafts: ReadonlyArray<Draft<State>>,
    commands: ReadonlyArray<Units>,
  ) => Promise<void>
}

export class Ahead<State> {
  readonly #p: AheadParts<State>
  open: OpenBatch<State> | null = null
  flight: Flight<State> | null = null

  constructor(parts: AheadParts<State>) {
    this.#p = parts
  }

  get isBusy(): boolean {
    return this.open !== null || this.flight !== null
  }

  /** Sends what is decided as soon as the commit before has ended well. */
  async launch(): Promise<void> {
    const { open } = this
    const sealed = open === null ? null : this.#p.seal(open)
    const landed = await this.#landed()
    if (landed === null || open === null || sealed === null) return
    this.open = null
    const done = this.#p.writer.commit(sealed.batch, this.#p.leaseMs)
    // Heard of when it lands.
    done.catch(() => undefined)
    this.flight = { draft: open.draft, commands: open.commands, snapshots: sealed.snapshots, done }
    await landed()
  }

  /** Everything decided is committed afterwards, or was decided again. */
  async settle(): Promise<void> {
    if (this.open !== null) await this.launch()
    await (
      await this.#landed()
    )?.()
  }

  /** Forgets what is open once the commit before it has ended; false when that failed and both were decided again. */
  async giveUp(): Promise<boolean> {
    const landed = await this.#landed()
    if (landed === null) return false
    this.open = null
    await landed()
    return true
  }

  /** Forgets both; the database says what became of them. Resolves when the writer is at rest. */
  async abandon(): Promise<void> {
    const { flight } = this
    this.open = null
    this.flight = null
    await flight?.done.catch(() => undefined)
  }

  /** What is left to do for the commit that ended; null when it failed and all is decided again. */
  async #landed(): Promise<(() => Promise<void>) | null> {
    const { flight } = this
    if (flight === null) return async () => undefined
    let applied: ReadonlyArray<number>
    try {
      applied = await flight.done
    } catch (error) {
      const { open } = this
      this.flight = null
      this.open = null
      const behind = open === null ? [] : [open]
      await this.#p.failed(
        error,
        [flight, ...behind].map((batch) => batch.draft),
        [flight, ...behind].map((batch) => batch.commands),
      )
      return null
    }
    this.flight = null
    return () => this.#p.committed(flight, applied)
  }
}
