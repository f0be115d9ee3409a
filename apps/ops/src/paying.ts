/**
 * Asks payments, subscriptions, auto top-up, notifications and the edge, repeating the same text while nobody
 * answers. A refusal becomes a `CommandFailure` with the exit code of its kind.
 */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import {
  type NotificationsAnswers,
  type NotificationsRequest,
  type EdgeAnswers,
  type EdgeOperation,
  type PaymentsAnswers,
  type PaymentsRequest,
  SUBJECTS,
  type SubscriptionsAnswers,
  type SubscriptionsRequest,
  type TopupAnswers,
  type TopupRequest,
} from "@credits/contracts"
import { failed, sentence, type CommandFailure } from "./failure.ts"
import { parseReply } from "./ledger.ts"

/** A commit takes milliseconds, a reconciliation pages through the processor; a restart in between is waited for. */
const ANSWER_MS = 10_000
const RECONCILIATION_MS = 120_000
/** An endpoint has 15 s to answer a ping. */
const PING_MS = 20_000
/** The processor is given two tries of its time-out, which the service waits for. */
const LOOK_UP_MS = 45_000
/** After this much silence the text may not have arrived. */
const SILENCE_MS = 1_000

type Ask<Request extends { readonly op: string }, Answers> = <Op extends Request["op"] & keyof Answers>(
  bus: BusHandle,
  request: Extract<Request, { readonly op: Op }>,
) => Effect.Effect<Answers[Op], CommandFailure>

const asking =
  <Request extends { readonly op: string }, Answers>(
    service: string,
    subjectOf: (op: string) => string,
  ): Ask<Request, Answers> =>
  (bus, request) =>
    Effect.tryPromise({
      try: async () => {
        const { ask, askOwner } = await import("@credits/bus")
        const text = JSON.stringify(request)
        // They have no id, and once begun they go on: asking again would begin them again.
        if (request.op === "recon-run") return ask(bus.connection, subjectOf(request.op), text, RECONCILIATION_MS)
        if (request.op === "charge-look-up") return ask(bus.connection, subjectOf(request.op), text, LOOK_UP_MS)
        if (request.op === "webhook-test") return ask(bus.connection, subjectOf(request.op), text, PING_MS)
        return askOwner(bus.connection, subjectOf(request.op), text, {
          deadlineMs: ANSWER_MS,
          silenceMs: SILENCE_MS,
        })
      },
      catch: (error) => failed("unavailable", `${service} did not answer: ${sentence(error)}`),
    }).pipe(Effect.flatMap((text) => parseReply<never>(text)))

export const askPayments = asking<PaymentsRequest, PaymentsAnswers>("payments", SUBJECTS.paymentsRequest)
export const askSubscriptions = asking<SubscriptionsRequest, SubscriptionsAnswers>(
  "subscriptions",
  SUBJECTS.subscriptionsRequest,
)
export const askTopup = asking<TopupRequest, TopupAnswers>("topup", SUBJECTS.topupRequest)
export const askNotifications = asking<NotificationsRequest, NotificationsAnswers>(
  "notifications",
  SUBJECTS.notificationsRequest,
)
export const askEdge = asking<EdgeOperation, EdgeAnswers>("edge", SUBJECTS.edgeRequest)
