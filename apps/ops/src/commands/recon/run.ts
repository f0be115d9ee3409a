/** `credits recon run`: compares the card processor's book with ours and lists what differs (R10.4). Only looks. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { parseInstant } from "@credits/kernel"
import { answering } from "../../answer.ts"
import { findingJson, findingsText } from "../../billing.ts"
import { EXIT, usage } from "../../failure.ts"
import { askPayments } from "../../paying.ts"
import { System } from "../../system.ts"
import { instantOf } from "../../wallet.ts"

interface Input {
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
}

const instantFlag = (name: string, text: Option.Option<string>) => {
  if (Option.isNone(text)) return Effect.succeed(undefined)
  const at = parseInstant(text.value)
  return at === null ? Effect.fail(usage(`--${name} is no instant`, "write 2026-12-31T00:00:00Z")) : Effect.succeed(at)
}

const reconcile = (input: Input) =>
  Effect.gen(function* () {
    const from = yield* instantFlag("from", input.from)
    const to = yield* instantFlag("to", input.to)
    if (from !== undefined && to !== undefined && from >= to) return yield* usage("--from must lie before --to")
    const system = yield* System
    const { findings, ...span } = yield* askPayments(yield* system.connect, {
      op: "recon-run",
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    })
    const head = `${span.compared} charges from ${instantOf(span.from)} to ${instantOf(span.to)} compared`
    return {
      json: {
        ok: findings.length === 0,
        from: instantOf(span.from),
        to: instantOf(span.to),
        compared: span.compared,
        findings: findings.map(findingJson),
      },
      text: findings.length === 0 ? `${head}: nothing differs` : `${head}\n\n${findingsText(findings)}`,
      exit: findings.length === 0 ? EXIT.ok : EXIT.failed,
    }
  })

const instant = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("INSTANT"), Flag.withDescription(description), Flag.optional)

export const reconRun = Command.make(
  "run",
  {
    from: instant("from", "First instant compared (default: 48 hours ago)"),
    to: instant("to", "The end (default: now)"),
  },
  (input) => answering(reconcile(input)),
).pipe(
  Command.withDescription("Compare the card processor with our books; exit code 1 when something differs"),
  Command.withExamples([
    { command: "credits recon run", description: "The last 48 hours" },
    { command: "credits recon run --from 2026-11-01T00:00:00Z --json", description: "A longer span, for a monitor" },
  ]),
)
