/**
 * The status of every service, for /metrics: asked together, kept for a moment, one question at a time however many
 * scrapers there are. A service that does not answer is a fact, never a failure.
 */
import { ask, Bus } from "@credits/bus"
import { type ControlAnswer, SUBJECTS } from "@credits/contracts"
import { Context, Effect, Layer } from "effect"

const CONTROLS: Readonly<Record<string, string>> = {
  ledger: SUBJECTS.ledgerControl,
  pricing: SUBJECTS.pricingControl,
  payments: SUBJECTS.paymentsControl,
  subscriptions: SUBJECTS.subscriptionsControl,
  topup: SUBJECTS.topupControl,
  notifications: SUBJECTS.notificationsControl,
}

/** A status is read from memory; a scrape must not wait long for a dead service. */
const ANSWER_MS = 500
/** Several scrapers, and people who reload, cost the services one question a second. */
const KEPT_MS = 1_000

export class ServiceStatuses extends Context.Service<
  ServiceStatuses,
  { readonly read: Effect.Effect<ReadonlyMap<string, ControlAnswer | null>> }
>()("edge/ServiceStatuses") {
  static readonly layer = Layer.effect(
    ServiceStatuses,
    Effect.gen(function* () {
      const { connection } = yield* Bus
      const readOne = async (subject: string): Promise<ControlAnswer | null> => {
        try {
          const answer = JSON.parse(await ask(connection, subject, '{"op":"status"}', ANSWER_MS)) as ControlAnswer
          return typeof answer.ready === "boolean" && typeof answer.detail === "object" ? answer : null
        } catch {
          return null
        }
      }
      const readAll = async (): Promise<ReadonlyMap<string, ControlAnswer | null>> => {
        const names = Object.keys(CONTROLS)
        const answers = await Promise.all(names.map((name) => readOne(CONTROLS[name]!)))
        return new Map(names.map((name, i) => [name, answers[i]!]))
      }
      let kept: Promise<ReadonlyMap<string, ControlAnswer | null>> | undefined
      let until = 0
      const read = Effect.promise(() => {
        const now = performance.now()
        if (kept === undefined || now >= until) {
          kept = readAll()
          until = now + KEPT_MS
        }
        return kept
      })
      return ServiceStatuses.of({ read })
    }),
  )
}
