/**
 * One group commit: decides the inputs of several actors in memory and writes what came of them in one transaction
 * under the epoch. What the database refuses is halved until one input is alone, which is then a defect of its own.
 */
import { StoreUnavailable } from "@credits/store"
import type { Transaction } from "kysely"
import type { Actors } from "./actors.ts"
import { Outcome, type Deciding, type Draft } from "./deciding.ts"
import type { Lease } from "./lease.ts"
import { Receipts } from "./receipts.ts"
import { FenceLost, type SagaCommit, type SagaCursor, type SagaStore } from "./store.ts"
import type { Waits } from "./waits.ts"
import type { Group } from "./work.ts"

/** Due decisions a commit when nobody waits for the actor: a year of one actor is cut into several commits. */
const DUE_PER_COMMIT = 2_000

export interface GroupCommitOptions {
  readonly store: SagaStore
  readonly lease: Lease
  readonly deciding: Deciding
  readonly actors: Actors
  readonly waits: Waits
  /** Facts up to this one are published. */
  readonly publishedTo: () => number
  readonly write: ((transaction: Transaction<unknown>, rows: ReadonlyArray<unknown>) => Promise<void>) | undefined
  /** After the commit, or when nothing but places in streams was to be committed; synchronously. */
  readonly decided: (decided: Decided) => void
}

export interface Decided {
  readonly drafts: ReadonlyArray<Draft>
  readonly outcome: Outcome
  readonly cursors: ReadonlyArray<SagaCursor>
  /** The cursors are in the database; false: with a later commit. */
  readonly isStored: boolean
}

/** What one commit takes. */
export interface Taken {
  readonly groups: ReadonlyArray<Group>
  readonly cursors: ReadonlyArray<SagaCursor>
  /** Dead letters of messages that nobody could read. */
  readonly letters: ReadonlyArray<{ readonly subject: string; readonly payload: string }>
  /** Business time of the decisions. */
  readonly now: number
  /** Due work of actors without inputs runs up to here. */
  readonly dueTo: number
  /** Also when nothing changes: a place in a stream, or the lease, has waited long enough. */
  readonly mustCommit: boolean
}

export class GroupCommit {
  readonly #o: GroupCommitOptions
  /** Facts up to this one have no row any more. */
  #forgottenTo = 0
  commits = 0
  commitMs = 0

  constructor(options: GroupCommitOptions) {
    this.#o = options
  }

  /** @throws FenceLost | StoreUnavailable: nothing, or nobody knows what, was committed */
  async run(taken: Taken): Promise<void> {
    const { store, lease, decided } = this.#o
    const { drafts, outcome, receipts } = await this.#decide(taken)
    outcome.facts.push(...taken.letters)
    const publishedTo = this.#o.publishedTo()
    const work = this.#workOf(drafts, outcome, receipts, taken.cursors, publishedTo)
    // What changes nothing needs no commit while nobody else can be the owner.
    if (changesNothing(work) && lease.isSafe && !taken.mustCommit) {
      return decided({ drafts, outcome, cursors: taken.cursors, isStored: false })
    }
    const began = Date.now()
    const measured = performance.now()
    try {
      await store.commit(work)
    } catch (cause) {
      const error = store.errorOf(cause)
      if (error instanceof FenceLost || error instanceof StoreUnavailable) throw error
      return this.#runApart(taken, error)
    }
    lease.renewed(began)
    this.#forgottenTo = publishedTo
    this.commits++
    this.commitMs += performance.now() - measured
    decided({ drafts, outcome, cursors: taken.cursors, isStored: true })
  }

  async #decide({ groups, now, dueTo }: Taken) {
    const { actors, deciding, store, waits } = this.#o
    const found = await actors.of(groups.map(({ id }) => id))
    const keyed = groups.flatMap(({ id, works }) =>
      works.flatMap((work) => (work.t === "command" && work.waiting.key !== "" ? [{ id, key: work.waiting.key }] : [])),
    )
    const receipts = new Receipts(await store.receipts(keyed))
    const outcome = new Outcome()
    let budget = DUE_PER_COMMIT
    const drafts = groups.flatMap((group, index) => {
      const actor = found[index]!
      if (actor instanceof Error) return deciding.fail(group, "row", actor, outcome)
      const draft = deciding.draftOf(actor, waits.of(group.id))
      const before = outcome.decisions["due"] ?? 0
      deciding.decide(group, draft, receipts, group.works.length > 0 ? now : dueTo, budget, outcome)
      budget = Math.max(1, budget - ((outcome.decisions["due"] ?? 0) - before))
      return draft
    })
    return { drafts, outcome, receipts }
  }

  #workOf(
    drafts: ReadonlyArray<Draft>,
    { facts, rows }: Outcome,
    receipts: Receipts,
    cursors: ReadonlyArray<SagaCursor>,
    publishedTo: number,
  ): SagaCommit {
    const { write, deciding } = this.#o
    return {
      rows: drafts.flatMap((draft) => (draft.text === null ? [] : [deciding.rowOf(draft)])),
      ...receipts.changes,
      facts,
      cursors,
      publishedTo: publishedTo === this.#forgottenTo ? 0 : publishedTo,
      write: write === undefined || rows.length === 0 ? null : (transaction) => write(transaction, rows),
    }
  }

  async #runApart(taken: Taken, error: Error): Promise<void> {
    const { groups } = taken
    const [only] = groups
    if (only === undefined || (groups.length === 1 && only.poison !== null)) throw error
    const parts =
      groups.length > 1
        ? [groups.slice(0, groups.length >> 1), groups.slice(groups.length >> 1)]
        : only.works.length > 1
          ? only.works.map((work) => [{ ...only, works: [work] }])
          : [[{ ...only, poison: error }]]
    // The cursor moves with the last part: what came before it is repeated if the process ends in between.
    const last = parts.pop()!
    for (const part of parts) await this.run({ ...taken, groups: part, cursors: [], letters: [] })
    await this.run({ ...taken, groups: last })
  }
}

const changesNothing = ({ rows, receipts, forgotten, facts, write }: SagaCommit): boolean =>
  [rows, receipts, forgotten, facts].every((list) => list.length === 0) && write === null
