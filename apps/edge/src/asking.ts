/**
 * Asking payments, subscriptions, auto top-up and notifications: text out, text in. Every command carries an id, so
 * the same text is sent again while nobody answers, and a service that is being restarted is only a pause. Refusals
 * are values.
 */
import { ask, askOwner, Bus, unavailableAnswer } from "@credits/bus"
import {
  type NotificationsAnswers,
  type NotificationsRefusal,
  type NotificationsRequest,
  type PaymentsAnswers,
  type PaymentsRefusal,
  type PaymentsRequest,
  SUBJECTS,
  type SubscriptionsAnswers,
  type SubscriptionsRefusal,
  type SubscriptionsRequest,
  type TopupAnswers,
  type TopupRefusal,
  type TopupRequest,
} from "@credits/contracts"
import { Context, Effect, Layer } from "effect"
import { asked, questionSpan } from "./asked-span.ts"
import { EdgeMetrics } from "./metrics.ts"

/** Rows of one account; longer means that the service is not there. */
const READ_MS = 3_000
/** A commit, and where a card is charged the 10 s that the answer may wait for it (R4.4). */
const COMMAND_MS = 13_000
/** A commit takes milliseconds: after this much silence the text may not have arrived. */
const SILENCE_MS = 1_000
/** Where an answer only adds to another one: that one does not wait long for it, and not at all for nobody. */
const GLANCE_MS = 500

export type Reply<Answer, Refusal> = { readonly ok: Answer } | { readonly refused: Refusal }
interface Unanswered {
  readonly code: "unavailable"
  readonly detail: string
}

type Asking<Request extends { readonly op: string }, Answers, Refusal> = <Op extends Request["op"] & keyof Answers>(
  request: Extract<Request, { readonly op: Op }>,
  patience?: Patience,
) => Effect.Effect<Reply<Answers[Op], Refusal>>

/** How long a caller waits for the answer. */
export type Patience = "read" | "command" | "glance"

const send = (
  nc: Bus["Service"]["connection"],
  subject: string,
  text: string,
  patience: Patience,
  trace: string | undefined,
): Promise<string> =>
  patience === "glance"
    ? ask(nc, subject, text, GLANCE_MS, trace).catch(() => unavailableAnswer("it does not answer"))
    : askOwner(nc, subject, text, {
        trace,
        deadlineMs: patience === "read" ? READ_MS : COMMAND_MS,
        silenceMs: SILENCE_MS,
      })

/** Text that is no reply is the same as no reply. */
const parseReply = <Answer, Refusal>(text: string, service: string): Reply<Answer, Refusal | Unanswered> => {
  try {
    const reply = JSON.parse(text) as Reply<Answer, Refusal>
    if (typeof reply === "object" && reply !== null && ("ok" in reply || "refused" in reply)) return reply
  } catch {
    // Falls through.
  }
  return { refused: { code: "unavailable", detail: `the answer of ${service} could not be read` } }
}

const askingOf = <Request extends { readonly op: string }, Answers, Refusal>(
  service: string,
  subjectOf: (op: string) => string,
) =>
  Effect.gen(function* () {
    const { connection } = yield* Bus
    const metrics = yield* EdgeMetrics
    const asking: Asking<Request, Answers, Refusal> = (request, patience = "read") => {
      const subject = subjectOf(request.op)
      return asked(
        () => questionSpan(service, subject, request),
        async (trace, span) => {
          const started = performance.now()
          const text = await send(connection, subject, JSON.stringify(request), patience, trace)
          const reply = parseReply<never, { readonly code: string }>(text, service)
          const outcome = "ok" in reply ? "ok" : reply.refused.code
          metrics.serviceAnswered(service, request.op, outcome, performance.now() - started)
          span?.set({ "credits.outcome": outcome })
          return reply as never
        },
      )
    }
    return asking
  })

export class Payments extends Context.Service<
  Payments,
  { readonly ask: Asking<PaymentsRequest, PaymentsAnswers, PaymentsRefusal> }
>()("edge/Payments") {
  static readonly layer = Layer.effect(
    Payments,
    Effect.map(
      askingOf<PaymentsRequest, PaymentsAnswers, PaymentsRefusal>("payments", SUBJECTS.paymentsRequest),
      (ask) => Payments.of({ ask }),
    ),
  )
}

export class Subscriptions extends Context.Service<
  Subscriptions,
  { readonly ask: Asking<SubscriptionsRequest, SubscriptionsAnswers, SubscriptionsRefusal> }
>()("edge/Subscriptions") {
  static readonly layer = Layer.effect(
    Subscriptions,
    Effect.map(
      askingOf<SubscriptionsRequest, SubscriptionsAnswers, SubscriptionsRefusal>(
        "subscriptions",
        SUBJECTS.subscriptionsRequest,
      ),
      (ask) => Subscriptions.of({ ask }),
    ),
  )
}

export class Topup extends Context.Service<Topup, { readonly ask: Asking<TopupRequest, TopupAnswers, TopupRefusal> }>()(
  "edge/Topup",
) {
  static readonly layer = Layer.effect(
    Topup,
    Effect.map(askingOf<TopupRequest, TopupAnswers, TopupRefusal>("topup", SUBJECTS.topupRequest), (ask) =>
      Topup.of({ ask }),
    ),
  )
}

export class Notifications extends Context.Service<
  Notifications,
  { readonly ask: Asking<NotificationsRequest, NotificationsAnswers, NotificationsRefusal> }
>()("edge/Notifications") {
  static readonly layer = Layer.effect(
    Notifications,
    Effect.map(
      askingOf<NotificationsRequest, NotificationsAnswers, NotificationsRefusal>(
        "notifications",
        SUBJECTS.notificationsRequest,
      ),
      (ask) => Notifications.of({ ask }),
    ),
  )
}
