/** `credits review show CASE`: a billing case with its evidence and the charge it is about. */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import type { BusHandle } from "@credits/bus"
import { answering } from "../../answer.ts"
import { chargeJson, chargeText, reviewJson, reviewText } from "../../billing.ts"
import { notFound } from "../../failure.ts"
import { askPayments, askSubscriptions } from "../../paying.ts"
import { System } from "../../system.ts"

export const reviewArgument = Argument.String("case").pipe(Argument.withDescription("Case id (rev_…)"))

export const findReview = (bus: BusHandle, reviewId: string) =>
  Effect.flatMap(askSubscriptions(bus, { op: "review-list" }), ({ items }) => {
    const review = items.find((each) => each.reviewId === reviewId)
    return review === undefined
      ? Effect.fail(notFound(`there is no case ${reviewId}`, "`credits review list` shows them"))
      : Effect.succeed(review)
  })

const show = (reviewId: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const bus = yield* system.connect
    const review = yield* findReview(bus, reviewId)
    const charge = yield* askPayments(bus, { op: "charge-show", chargeId: review.chargeId })
    return {
      json: { ...reviewJson(review), charge: chargeJson(charge) },
      text: `${reviewText(review)}\n\n${chargeText(charge)}`,
    }
  })

export const reviewShow = Command.make("show", { review: reviewArgument }, ({ review }) =>
  answering(show(review)),
).pipe(
  Command.withDescription("Show a billing case: what the customer says, the evidence, the charge"),
  Command.withExamples([{ command: "credits review show rev_01k9zq", description: "The case and its charge" }]),
)
