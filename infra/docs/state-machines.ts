/**
 * docs/reference/state-machines.md and a page below it for each machine: the drawings of the durable state machines
 * (decision 15), from the same arrows that production asserts. What a machine is for is written here; a machine that
 * some app has and this list has not fails the test.
 */
import type { AnySagaMachine, SagaTransition } from "@credits/actor/saga"
import { chargeMachine } from "../../apps/payments/src/charge.ts"
import { methodMachine } from "../../apps/payments/src/method.ts"
import { inboxMachine } from "../../apps/notifications/src/inbox.ts"
import { machine as subscriptionMachine } from "../../apps/subscriptions/src/machine.ts"
import { topupMachine } from "../../apps/topup/src/topup.ts"
import { markdownTable, pageHead } from "./source.ts"

/** What the generator needs of a machine. */
export type Drawn = Pick<AnySagaMachine, "name" | "transitions">

export interface DocumentedMachine {
  readonly machine: Drawn
  /** The app that runs it, and the file it is written in. */
  readonly app: string
  readonly source: string
  /** What one row is of, in a sentence. */
  readonly about: string
}

/** Every machine of the system. */
export const MACHINES: ReadonlyArray<DocumentedMachine> = [
  {
    machine: subscriptionMachine,
    app: "apps/subscriptions",
    source: "apps/subscriptions/src/machine.ts",
    about:
      "An account's subscription: its plan, the one operation that may be in flight, and its billing cases (R2–R5).",
  },
  {
    machine: chargeMachine,
    app: "apps/payments",
    source: "apps/payments/src/charge.ts",
    about: "An obligation and the attempts to charge it: at most one of them ever succeeds (R10.1).",
  },
  {
    machine: methodMachine,
    app: "apps/payments",
    source: "apps/payments/src/method.ts",
    about: "An account's one saved card, and replacing it.",
  },
  {
    machine: topupMachine,
    app: "apps/topup",
    source: "apps/topup/src/topup.ts",
    about: "An account's auto top-up: its consent and cap, and the one top-up that may be in flight (R9).",
  },
  {
    machine: inboxMachine,
    app: "apps/notifications",
    source: "apps/notifications/src/inbox.ts",
    about: "An account's inbox: no state and so no drawing; what it hears becomes one row a cause, for ever (R11).",
  },
]

const FOLDER = "docs/reference/state-machines"
export const pagePath = ({ machine }: DocumentedMachine): string => `${FOLDER}/${machine.name}.md`

/** What would end a label or begin another statement in Mermaid. */
const label = (text: string): string => text.replaceAll(/[;#"\n]/g, ",").replaceAll(":", " –")

const phasesOf = (arrows: ReadonlyArray<SagaTransition>): ReadonlyArray<string> => [
  ...new Set(arrows.flatMap(({ from, to }) => [from, to])),
]

/** Phases that nothing leads out of. */
const endsOf = (arrows: ReadonlyArray<SagaTransition>): ReadonlyArray<string> =>
  phasesOf(arrows).filter((phase) => !arrows.some(({ from, to }) => from === phase && to !== phase))

/** Arrows between the same two phases are one arrow with several labels. */
const merged = (arrows: ReadonlyArray<SagaTransition>): ReadonlyArray<SagaTransition> => {
  const byEnds = new Map<string, SagaTransition>()
  for (const arrow of arrows) {
    const ends = `${arrow.from} ${arrow.to}`
    const known = byEnds.get(ends)
    byEnds.set(ends, known === undefined ? arrow : { ...arrow, on: `${known.on}, or ${arrow.on}` })
  }
  return [...byEnds.values()]
}

export const mermaidOf = (arrows: ReadonlyArray<SagaTransition>): string => {
  const lines = [
    "stateDiagram-v2",
    ...arrows.slice(0, 1).map(({ from }) => `  [*] --> ${from}`),
    ...merged(arrows).map(({ from, to, on }) => `  ${from} --> ${to}: ${label(on)}`),
    ...endsOf(arrows).map((phase) => `  ${phase} --> [*]`),
  ]
  return `\`\`\`mermaid\n${lines.join("\n")}\n\`\`\``
}

const drawing = (name: string, arrows: ReadonlyArray<SagaTransition>): string => `## ${name}

${mermaidOf(arrows)}

${markdownTable(
  ["from", "to", "when"],
  arrows.map(({ from, to, on }) => [`\`${from}\``, `\`${to}\``, on]),
)}`

export const renderMachine = ({ machine, app, source, about }: DocumentedMachine): string => `${pageHead(
  `State machine: ${machine.name}`,
  [source],
)}

${about} It runs in [${app}](../../../${app}/README.md); an undrawn change of phase is a defect and is not made.

${Object.entries(machine.transitions)
  .map(([name, arrows]) => drawing(name, arrows))
  .join("\n\n")}
`

export const renderStateMachines = (machines: ReadonlyArray<DocumentedMachine> = MACHINES): string => `${pageHead(
  "State machines",
  machines.map(({ source }) => source),
)}

A saga is a row that moves from phase to phase (decision 15): one decision at a time, committed before anything of it is
told or begun, so a restart goes on from the row. These are all of them.

${markdownTable(
  ["machine", "runs in", "drawings", "one row is"],
  machines.map(({ machine, app, about }) => [
    `[${machine.name}](state-machines/${machine.name}.md)`,
    `\`${app}\``,
    Object.entries(machine.transitions)
      .map(([name, arrows]) => `${name} (${phasesOf(arrows).length} phases)`)
      .join(", "),
    about,
  ]),
)}
`

/** Path → how it is made, for `generate.ts`. */
export const stateMachinePages = (): Readonly<Record<string, () => string>> => ({
  [`${FOLDER}.md`]: () => renderStateMachines(),
  ...Object.fromEntries(MACHINES.map((each) => [pagePath(each), () => renderMachine(each)])),
})
