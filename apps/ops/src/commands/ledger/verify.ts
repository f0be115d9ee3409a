/** `credits ledger verify`: recomputes every balance, identity and chain from the entries in the database. */
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { answering, remark } from "../../answer.ts"
import { EXIT } from "../../failure.ts"
import { System } from "../../system.ts"
import { facts, type Cell } from "../../table.ts"
import { runVerifier, type Verdict } from "../../verifier.ts"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Nested counts become lines of their own: `totals spentUsd`. */
const flatten = (fields: ReadonlyArray<readonly [string, unknown]>): ReadonlyArray<readonly [string, Cell]> =>
  fields.flatMap(([key, value]) =>
    isRecord(value)
      ? Object.entries(value).map(([inner, each]) => [`${key} ${inner}`, cellOf(each)] as const)
      : [[key, cellOf(value)] as const],
  )

const cellOf = (value: unknown): Cell =>
  typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value)

/** Counts first, then every problem on its own line; unknown fields of a newer verifier are shown too. */
export const verdictText = (verdict: Verdict): string => {
  const plain = Object.entries(verdict).filter(([key, value]) => key !== "ok" && !Array.isArray(value))
  const lists = Object.entries(verdict).filter((pair): pair is [string, Array<unknown>] => Array.isArray(pair[1]))
  const parts = [verdict.ok ? "OK: the ledger closes" : "NOT OK: see the problems below"]
  if (plain.length > 0) parts.push(facts(flatten(plain)))
  for (const [key, values] of lists) {
    if (values.length > 0) parts.push([`${key}:`, ...values.map((value) => `  ${cellOf(value)}`)].join("\n"))
  }
  return parts.join("\n\n")
}

const verify = Effect.gen(function* () {
  const system = yield* System
  const verdict = yield* runVerifier(yield* system.config)
  if (verdict["stateHash"] !== verdict["loadedHash"])
    yield* remark("what is remembered is wrong, the entries are right: docs/operations/rebuild.md says how to mend it")
  return { json: verdict, text: verdictText(verdict), exit: verdict.ok ? EXIT.ok : EXIT.failed }
})

export const ledgerVerify = Command.make("verify", {}, () => answering(verify)).pipe(
  Command.withDescription("Recompute every balance and identity from the database; works while the ledger runs or not"),
  Command.withExamples([
    { command: "credits ledger verify", description: "Does everything add up? Exit code 1 when not" },
    { command: "credits ledger verify --json", description: 'JSON with "ok": true or false, and counts' },
  ]),
)
