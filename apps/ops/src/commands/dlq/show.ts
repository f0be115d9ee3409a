/** `credits dlq show SEQ|ID`: one dead letter with its original. */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { answering, remark } from "../../answer.ts"
import { nextStepOf } from "../../dead-letter-step.ts"
import { findLetter } from "../../dead-letters.ts"
import { notFound } from "../../failure.ts"
import { System } from "../../system.ts"
import { facts } from "../../table.ts"
import { instantOf } from "../../wallet.ts"

/** JSON is laid out; anything else is shown as it came. */
const readable = (payload: string): string => {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2)
  } catch {
    return payload
  }
}

const show = (key: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const found = yield* findLetter(yield* system.connect, key)
    if (found === null) return yield* notFound(`no dead letter ${key}`, "`credits dlq list` shows what there is")
    const { seq, letter } = found
    const nextStep = nextStepOf(seq, letter.reason)
    yield* remark(nextStep)
    return {
      json: { seq, ...letter, at: instantOf(letter.at), nextStep },
      text: `${facts([
        ["seq", seq],
        ["id", letter.id],
        ["service", letter.service],
        ["reason", letter.reason],
        ["detail", letter.detail],
        ["account", letter.account],
        ["at", instantOf(letter.at)],
        ["origin", `${letter.origin.stream} message ${letter.origin.seq}, item ${letter.origin.index}`],
        ...Object.entries(letter.headers ?? {}).map(([name, value]) => [`header ${name}`, value] as const),
      ])}\n\n${readable(letter.payload)}`,
    }
  })

export const dlqShow = Command.make(
  "show",
  { key: Argument.String("seq-or-id").pipe(Argument.withDescription("SEQ of `dlq list`, or the letter's id")) },
  ({ key }) => answering(show(key)),
).pipe(
  Command.withDescription("Show one dead letter with its original"),
  Command.withExamples([{ command: "credits dlq show 17", description: "Why was it refused, and what was it?" }]),
)
