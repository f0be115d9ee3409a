/** `credits review answer CASE --answer TEXT`: closes a billing case with a text for the customer (R5.2). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { answering } from "../../answer.ts"
import { osUser } from "../../audit.ts"
import { reviewJson, reviewText } from "../../billing.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { usage } from "../../failure.ts"
import { askSubscriptions } from "../../paying.ts"
import { System } from "../../system.ts"
import { findReview, reviewArgument } from "./show.ts"

const ANSWER_LENGTH_MAX = 2_000

interface Input {
  readonly review: string
  readonly answer: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const answer = (input: Input) =>
  Effect.gen(function* () {
    const { review: reviewId, apply } = input
    const reason = yield* requireReason(apply, input.reason)
    const text = input.answer.trim()
    if (text === "" || text.length > ANSWER_LENGTH_MAX) {
      return yield* usage(`--answer must have 1 to ${ANSWER_LENGTH_MAX} characters`)
    }
    const id = makeId("cmd", yield* Clock.currentTimeMillis, randomBytes(10))
    const system = yield* System
    const bus = yield* system.connect
    const answered = askSubscriptions(bus, { op: "review-answer", id, reviewId, answer: text, by: osUser() })
    return yield* changeOne({
      command: "review answer",
      apply,
      reason,
      input: { reviewId, answer: text },
      plan: Effect.map(findReview(bus, reviewId), (review) => ({ json: reviewJson(review), text: reviewText(review) })),
      perform: Effect.map(answered, (review) => ({ json: reviewJson(review), text: reviewText(review) })),
    })
  })

export const reviewAnswer = Command.make(
  "answer",
  {
    review: reviewArgument,
    answer: Flag.String("answer").pipe(Flag.withMetavar("TEXT"), Flag.withDescription("What the customer reads")),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(answer(input)),
).pipe(
  Command.withDescription("Answer a billing case; the customer is told"),
  Command.withExamples([
    {
      command: 'credits review answer rev_01k9zq --answer "It is refunded." --apply --reason "proven duplicate"',
      description: "Answer and close it",
    },
  ]),
)
