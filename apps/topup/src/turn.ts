/**
 * One decision being made: the state so far, what is told and recorded of it. Pure. Owns the numbering of facts and
 * records, and that a decision which changes nothing gives the same state object back.
 */
import type { ConsentRecord, TopupFact } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import type { SagaAnswer } from "@credits/actor/saga"
import { recordOf } from "./consent.ts"
import type { TopupDecision, TopupRow, TopupState } from "./topup-state.ts"
import { factOf, type FactDetail } from "./view.ts"

export class Turn {
  #state: TopupState
  readonly now: Instant
  readonly #told: Array<{ readonly n: number; readonly kind: TopupFact["kind"]; readonly detail: FactDetail }> = []
  readonly #rows: Array<TopupRow> = []

  constructor(state: TopupState, now: Instant) {
    this.#state = state
    this.now = now
  }

  get state(): TopupState {
    return this.#state
  }

  change(part: Partial<TopupState>): void {
    this.#state = { ...this.#state, ...part }
  }

  /** A fact; it shows the account as the whole decision leaves it. */
  tell(kind: TopupFact["kind"], detail: FactDetail): void {
    const n = this.#state.facts + 1
    this.change({ facts: n })
    this.#told.push({ n, kind, detail })
  }

  /** A line of the consent's log, about the consent as it is now. */
  record(action: ConsentRecord["action"], source: string): void {
    const { account, consent } = this.#state
    const n = this.#state.records + 1
    this.change({ records: n })
    this.row({ type: "consent", ...recordOf(account, n, this.now, action, consent, source) })
  }

  row(row: TopupRow): void {
    this.#rows.push(row)
  }

  done(answer: SagaAnswer | null): TopupDecision {
    const facts = this.#told.map((told) => factOf(this.#state, this.now, told))
    return { state: this.#state, answer, facts, rows: this.#rows }
  }
}
