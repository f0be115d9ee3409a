/**
 * The machine behind the inbox, for the saga runtime. Pure, and without state: that a cause is told once is the unique
 * row's to say (`store.ts`), not a memory's that would grow for ever. What the runtime gives is everything else: one
 * owner, cursors committed with the rows, dead letters, quiet.
 */
import type { SagaMachine } from "@credits/actor/saga"
import type { Notice } from "./notification.ts"

/** An account; nothing of it is stored here. */
export interface InboxState {
  readonly account: string
}

export const inboxMachine: SagaMachine<InboxState, never, never, never, Notice, never, Notice, undefined> = {
  name: "inbox",
  version: 1,
  initial: (account) => ({ account }),
  encode: ({ account }) => JSON.stringify({ account }),
  decode: (text) => JSON.parse(text) as InboxState,
  decide: (state, input) => ({
    state,
    answer: null,
    facts: [],
    rows: input.type === "notice" ? [input.notice] : [],
  }),
  reply: () => null,
  steps: () => [],
  nextDue: () => null,
  phases: () => ({}),
  transitions: {},
}
