/**
 * Asks the ledger: the owner of an account's partition, over request–reply, repeating the same text while the owner is
 * away (decision 6). A refusal becomes a `CommandFailure` with the exit code of its kind.
 */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import {
  SUBJECTS,
  type ControlAnswer,
  type LedgerReply,
  type LedgerRequest,
  type StatementAnswer,
  type WalletAnswer,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { failed, refused, sentence, type CommandFailure } from "./failure.ts"

/** Accounts asked at the same time: enough to fill one group commit, few enough to stay polite. */
export const ACCOUNTS_AT_ONCE = 32

export const parseReply = <A>(text: string): Effect.Effect<A, CommandFailure> =>
  Effect.gen(function* () {
    const reply = yield* Effect.try({
      try: () => JSON.parse(text) as LedgerReply<A>,
      catch: () => failed("malformed_answer", `the answer is no JSON: ${text.slice(0, 200)}`),
    })
    if ("refused" in reply) return yield* refused(reply.refused)
    if (!("ok" in reply))
      return yield* failed("malformed_answer", `the answer is neither ok nor refused: ${text.slice(0, 200)}`)
    return reply.ok
  })

export const askLedger = <A>(bus: BusHandle, request: LedgerRequest): Effect.Effect<A, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const { askOwner } = await import("@credits/bus")
      return askOwner(bus.connection, SUBJECTS.ledgerRequest(partitionOf(request.account)), JSON.stringify(request))
    },
    catch: (error) => failed("unavailable", `the ledger did not answer: ${sentence(error)}`),
  }).pipe(Effect.flatMap((text) => parseReply<A>(text)))

export const readWallet = (bus: BusHandle, account: string) => askLedger<WalletAnswer>(bus, { op: "wallet", account })

export const readStatement = (bus: BusHandle, request: Extract<LedgerRequest, { op: "statement" }>) =>
  askLedger<StatementAnswer>(bus, request)

/** `status` of a service; fails when it does not answer within `timeoutMs`. */
export const readStatus = (
  bus: BusHandle,
  subject: string,
  timeoutMs: number,
): Effect.Effect<ControlAnswer, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const { ask } = await import("@credits/bus")
      return ask(bus.connection, subject, JSON.stringify({ op: "status" }), timeoutMs)
    },
    catch: (error) => failed("unavailable", `no answer on ${subject}: ${sentence(error)}`),
  }).pipe(
    Effect.flatMap((text) =>
      Effect.try({
        try: () => {
          const value = JSON.parse(text) as ControlAnswer | { ok: ControlAnswer }
          return "ok" in value ? value.ok : value
        },
        catch: () => failed("malformed_answer", `the answer on ${subject} is no JSON`),
      }),
    ),
  )
