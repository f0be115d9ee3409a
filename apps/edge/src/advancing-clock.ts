/**
 * The business clock as the edge runs it: reads it, and in development and sandbox advances it over NATS for all owners
 * (decision 16). One advance at a time; while it runs the clock gate refuses every other call.
 */
import { askOwner, Bus, BusinessClock, type BusHandle, streamState, writeClockSetting } from "@credits/bus"
import { type ControlAnswer, SUBJECTS } from "@credits/contracts"
import { Context, Data, Effect, Layer } from "effect"
import { advanceClock, type ClockWorld } from "./business-clock.ts"
import { type ClockOwner, EdgeConfig } from "./config.ts"

/** Who may have work that falls due; which of them run in this system is configuration. */
const CONTROL: Readonly<Record<ClockOwner, string>> = {
  ledger: SUBJECTS.ledgerControl,
  pricing: SUBJECTS.pricingControl,
  payments: SUBJECTS.paymentsControl,
  subscriptions: SUBJECTS.subscriptionsControl,
  topup: SUBJECTS.topupControl,
  notifications: SUBJECTS.notificationsControl,
}
/** A `clock` request is answered after all due work of the owner has run: a renewal night takes its time. */
const CONTROL_DEADLINE_MS = 120_000
/** Asked again after this long: an owner that was killed in the middle goes on when it is back. */
const CONTROL_SILENCE_MS = 2_000

export class ClockNotAdvanced extends Data.TaggedError("ClockNotAdvanced")<{
  readonly reason: "busy" | "failed"
  readonly detail: string
}> {}

const worldOf = (bus: BusHandle, owners: ReadonlyArray<ClockOwner>): ClockWorld<ClockOwner> => ({
  owners,
  ask: async (owner, request) => {
    const patience = { deadlineMs: CONTROL_DEADLINE_MS, silenceMs: CONTROL_SILENCE_MS }
    const text = await askOwner(bus.connection, CONTROL[owner], JSON.stringify(request), patience)
    const answer = JSON.parse(text) as ControlAnswer | { readonly refused: { readonly detail: string } }
    if ("refused" in answer) throw new Error(`${owner} does not answer: ${answer.refused.detail}`)
    return answer
  },
  streamEnd: async (stream) => (await streamState(bus.jsm, stream)).last,
  freezeAt: (instant) => writeClockSetting(bus, { offset: instant - Date.now(), frozenAt: instant }),
  runOnFrom: (instant) => writeClockSetting(bus, { offset: instant - Date.now(), frozenAt: null }),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  elapsed: () => performance.now(),
})

export class AdvancingClock extends Context.Service<
  AdvancingClock,
  {
    readonly now: () => number
    readonly isAdvancing: () => boolean
    /** Moves to the instant that `target` gives for the clock's own now; it must not be before it. */
    readonly advance: (
      target: (now: number) => number,
    ) => Effect.Effect<{ readonly now: number; readonly ran: number }, ClockNotAdvanced>
  }
>()("edge/AdvancingClock") {
  static readonly layer = Layer.effect(
    AdvancingClock,
    Effect.gen(function* () {
      const bus = yield* Bus
      const clock = yield* BusinessClock
      const config = yield* EdgeConfig
      let advancing = false
      // An edge that died in the middle of an advance left the clock frozen: time runs on from there.
      if (config.mode !== "production" && clock.setting.frozenAt !== null) {
        yield* Effect.promise(() => worldOf(bus, config.clockOwners).runOnFrom(clock.now()))
        yield* Effect.promise(() => clock.refresh())
      }
      const advance = Effect.fnUntraced(function* (target: (now: number) => number) {
        if (config.mode === "production" || advancing) {
          return yield* new ClockNotAdvanced({ reason: "busy", detail: "the clock is being advanced already" })
        }
        advancing = true
        return yield* Effect.tryPromise({
          try: async () => {
            await clock.refresh()
            const from = clock.now()
            const to = Math.max(from, target(from))
            const ran = await advanceClock(worldOf(bus, config.clockOwners), from, to)
            await clock.refresh()
            return { now: to, ran }
          },
          catch: (cause) =>
            new ClockNotAdvanced({ reason: "failed", detail: cause instanceof Error ? cause.message : String(cause) }),
        }).pipe(
          // Half an advance must still let time run on: the caller's going away does not stop it.
          Effect.uninterruptible,
          Effect.ensuring(
            Effect.sync(() => {
              advancing = false
            }),
          ),
        )
      })
      return AdvancingClock.of({ now: () => clock.now(), isAdvancing: () => advancing, advance })
    }),
  )
}
