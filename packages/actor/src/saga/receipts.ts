/**
 * The receipts of one commit: which commands are known, what is noted for new ones and which answers are kept
 * (`SagaRefusal` says which). Owns no table; `store.ts` writes what changed.
 */
import type { SagaAnswer, SagaRefusal } from "./saga.ts"
import type { SagaCommit, SagaReceipt } from "./store.ts"
import type { Waiting } from "./work.ts"

interface Known {
  readonly id: string
  readonly key: string
  readonly hash: string
  answer: string | null
  /** In the database before this commit. */
  readonly isStored: boolean
  isChanged: boolean
  isForgotten: boolean
  at: number
}

/** `final` is between the machine and the runtime. */
const withoutFinal = ({ final: _, ...refusal }: SagaRefusal): SagaRefusal => refusal

export class Receipts {
  readonly #known = new Map<string, Known>()

  constructor(stored: ReadonlyArray<SagaReceipt>) {
    for (const { id, key, hash, answer } of stored) {
      const known = { id, key, hash, answer, isStored: true, isChanged: false, isForgotten: false, at: 0 }
      this.#known.set(`${id}\n${key}`, known)
    }
  }

  /** What is known of a command: nothing, its answer (null: not yet), or that its key was another's. */
  of(id: string, { key, hash }: Waiting): "conflict" | { readonly answer: SagaAnswer | null } | null {
    if (key === "") return null
    const known = this.#known.get(`${id}\n${key}`)
    if (known === undefined || known.isForgotten) return null
    if (known.hash !== hash) return "conflict"
    return { answer: known.answer === null ? null : (JSON.parse(known.answer) as SagaAnswer) }
  }

  /** Notes that a command was accepted and waits. */
  accept(id: string, { key, hash }: Waiting, at: number): void {
    if (key !== "") this.#note(id, key, hash, null, at)
  }

  /**
   * The answer as callers get it; kept when it is definite, otherwise what was noted when it was accepted (perhaps in
   * an earlier commit) is forgotten.
   */
  settle(id: string, { key, hash }: Waiting, answer: SagaAnswer, at: number, isAccepted: boolean): SagaAnswer {
    const isDefinite = "ok" in answer || answer.refused.final === true
    const given = "ok" in answer ? answer : { refused: withoutFinal(answer.refused) }
    if (key === "") return given
    if (isDefinite) this.#note(id, key, hash, JSON.stringify(given), at)
    else if (isAccepted) this.#forget(id, key, hash)
    return given
  }

  #note(id: string, key: string, hash: string, answer: string | null, at: number): void {
    const known = this.#known.get(`${id}\n${key}`)
    const isStored = known?.isStored ?? false
    this.#known.set(`${id}\n${key}`, { id, key, hash, answer, isStored, isChanged: true, isForgotten: false, at })
  }

  #forget(id: string, key: string, hash: string): void {
    // Not read for this commit: it is of an earlier one.
    const isStored = this.#known.get(`${id}\n${key}`)?.isStored ?? true
    const rest = { isStored, isChanged: false, isForgotten: true, at: 0 }
    this.#known.set(`${id}\n${key}`, { id, key, hash, answer: null, ...rest })
  }

  get changes(): Pick<SagaCommit, "receipts" | "forgotten"> {
    const all = [...this.#known.values()]
    return {
      receipts: all.filter((known) => known.isChanged && !known.isForgotten),
      forgotten: all.filter((known) => known.isForgotten && known.isStored),
    }
  }
}
