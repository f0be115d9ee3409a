/**
 * The machine of the runtime's tests: a person who counts, runs errands (steps), has appointments (due) and can be told
 * things (notices). Pure, like every machine; what it decides on purpose wrongly is named so.
 */
import type { SagaAnswer, SagaDecision, SagaMachine, SagaStep } from "./saga.ts"

export interface Errand {
  readonly id: string
  readonly count: bigint
  readonly phase: "free" | "away" | "back"
  /** Errands under way, by number; `kind` of the step. */
  readonly away: ReadonlyArray<{ readonly number: number; readonly kind: string }>
  readonly errands: number
  readonly found: ReadonlyArray<string>
  /** Instants to come, in order. */
  readonly appointments: ReadonlyArray<number>
  /** `<type>@<now>` of every decision that changed something; the newest `LOG_MAX`. */
  readonly log: ReadonlyArray<string>
  readonly heard: ReadonlyArray<string>
}

export type ErrandCommand =
  | { readonly op: "count"; readonly by: number }
  /** Goes and waits for what it finds. */
  | { readonly op: "go"; readonly kind?: string }
  | { readonly op: "stay" }
  | { readonly op: "meet"; readonly at: ReadonlyArray<number> }
  | { readonly op: "refuse"; readonly final: boolean }
  | { readonly op: "throw" | "jump" | "mumble" | "unwritable" }
  | { readonly op: "look" }

export interface ErrandStep extends SagaStep {
  readonly number: number
}
export type ErrandFact = { readonly id: string; readonly account: string; readonly count: string }
export type ErrandRow = { readonly id: string; readonly count: string }
type Input = Parameters<ErrandMachine["decide"]>[1]
export type ErrandMachine = SagaMachine<
  Errand,
  ErrandCommand,
  ErrandStep,
  string,
  string,
  ErrandFact,
  ErrandRow,
  { readonly word: string }
>

const LOG_MAX = 400

const decisionOf = (
  state: Errand,
  answer: SagaAnswer | null,
  facts: ReadonlyArray<ErrandFact> = [],
  rows: ReadonlyArray<ErrandRow> = [],
): SagaDecision<Errand, ErrandFact, ErrandRow> => ({ state, answer, facts, rows })

const command = (state: Errand, asked: ErrandCommand, newId: () => string): ReturnType<typeof decisionOf> => {
  switch (asked.op) {
    case "count": {
      const counted = { ...state, count: state.count + BigInt(asked.by) }
      const count = counted.count.toString()
      const row = { id: state.id, count }
      return decisionOf(counted, { ok: count }, [{ id: newId(), account: state.id, count }], [row])
    }
    case "go": {
      const errand = { number: state.errands + 1, kind: asked.kind ?? "fetch" }
      const away = [...state.away, errand]
      return decisionOf({ ...state, phase: "away", errands: errand.number, away }, null)
    }
    case "stay":
      return decisionOf({ ...state, phase: "free", away: [] }, { ok: "staying" })
    case "meet": {
      const appointments = [...state.appointments, ...asked.at].toSorted((a, b) => a - b)
      return decisionOf({ ...state, appointments }, { ok: appointments.length })
    }
    case "refuse":
      return decisionOf(
        { ...state, count: state.count + 1n },
        { refused: { code: "no", detail: `not at ${state.count}`, final: asked.final } },
      )
    case "throw":
      throw new Error("thrown on purpose")
    case "jump":
      return decisionOf({ ...state, phase: "back" }, { ok: "jumped" })
    case "mumble":
      return decisionOf({ ...state, found: ["mumble"] }, { ok: "mumbled" })
    case "unwritable":
      return decisionOf({ ...state, count: state.count + 1n }, { ok: "?" }, [], [{ id: "unwritable", count: "0" }])
    case "look":
      return decisionOf(state, { ok: state.count.toString() })
  }
}

const change = (state: Errand, input: Input, newId: () => string): ReturnType<typeof decisionOf> => {
  switch (input.type) {
    case "command":
      return command(state, input.command, newId)
    case "outcome": {
      if (input.outcome === "again") return decisionOf(state, null)
      if (input.outcome === "throw") throw new Error("thrown on purpose")
      const away = state.away.filter(({ number }) => `${state.id}:${number}` !== input.step)
      const found = [...state.found, input.outcome]
      return decisionOf({ ...state, away, found, phase: away.length === 0 ? "back" : "away" }, null, [
        { id: newId(), account: state.id, count: `found ${input.outcome}` },
      ])
    }
    case "notice":
      if (input.notice === "throw") throw new Error("thrown on purpose")
      if (state.heard.includes(input.notice)) return decisionOf(state, null)
      return decisionOf({ ...state, heard: [...state.heard, input.notice] }, null)
    case "due": {
      const [first, ...appointments] = state.appointments
      if (first === FORGOTTEN) return decisionOf(state, null)
      return decisionOf({ ...state, appointments }, null)
    }
  }
}

/** An appointment at this instant is never kept: due work that does not end. */
export const FORGOTTEN = 13

export const errandMachine: ErrandMachine = {
  name: "errand",
  version: 1,
  initial: (id) => ({
    id,
    count: 0n,
    phase: "free",
    away: [],
    errands: 0,
    found: [],
    appointments: [],
    log: [],
    heard: [],
  }),
  encode: (state) => JSON.stringify({ ...state, count: state.count.toString() }),
  decode: (text) => {
    const { count, ...rest } = JSON.parse(text) as Errand & { readonly count: string }
    // What was mumbled is read differently each time.
    const found = rest.found[0]?.startsWith("mumble") === true ? [`${rest.found[0]}!`] : rest.found
    return { ...rest, found, count: BigInt(count) }
  },
  decide: (state, input, { now, newId }) => {
    const decision = change(state, input, () => newId("evt"))
    if (decision.state === state) return decision
    const log = [...state.log, `${input.type}@${now}`].slice(-LOG_MAX)
    return { ...decision, state: { ...decision.state, log } }
  },
  reply: (state, asked, final) => {
    if (asked.op !== "go") return null
    if (state.phase === "back") {
      const found = state.found.at(-1)!
      return found === "nothing" ? { refused: { code: "nothing_found", detail: "nothing" } } : { ok: found }
    }
    return final ? { ok: "still away" } : null
  },
  steps: (state) => state.away.map(({ number, kind }) => ({ id: `${state.id}:${number}`, kind, number })),
  nextDue: (state) => state.appointments[0] ?? null,
  phases: ({ phase }) => ({ errand: phase }),
  transitions: {
    errand: [
      { from: "free", to: "away", on: "go" },
      { from: "away", to: "back", on: "the last errand is done" },
      { from: "back", to: "away", on: "go" },
      { from: "away", to: "free", on: "stay" },
      { from: "back", to: "free", on: "stay" },
    ],
  },
}
