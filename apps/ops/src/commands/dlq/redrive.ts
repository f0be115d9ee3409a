/**
 * `credits dlq redrive SEQ…`: the original goes back to the subject it came from, into the same idempotent handler;
 * then the letter leaves the stream. A repeat after a kill in between sends it again, which changes nothing (ADR 0021).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import type { BusHandle } from "@credits/bus"
import { answering } from "../../answer.ts"
import { originalOf, takeAway, type StoredLetter } from "../../dead-letters.ts"
import { failed, sentence } from "../../failure.ts"
import { askResolver } from "../../replay/resolver.ts"
import { redriveOf, type Redrive } from "../../replay/redrive.ts"
import { businessNow } from "../../system.ts"
import { decideLetters, selectionFlags, type Verdict } from "./selection.ts"

const lookAt = (bus: BusHandle, { letter, at }: StoredLetter) =>
  Effect.gen(function* () {
    const real = yield* Clock.currentTimeMillis
    const now = { real, business: yield* businessNow(bus, real) }
    return redriveOf(letter, at, yield* originalOf(bus, letter), now)
  })

/** Not sent again: payments says what became of the charges, and goes on finding out what it does not know. */
const tooOld = (bus: BusHandle, stored: StoredLetter, { charges }: Extract<Redrive, { t: "resolver" }>) =>
  Effect.map(askResolver(bus, charges), (resolved): Verdict => {
    const said = resolved.length === 0 ? "it names no charge" : resolved.map((each) => each.sentence).join("; ")
    return {
      stored,
      status: "kept",
      note: `older than 20 h, and may lead to a charge: not sent again. ${said}`,
      more: { resolver: resolved },
    }
  })

const send = (bus: BusHandle, { subject, payload, headers }: Extract<Redrive, { t: "send" }>) =>
  Effect.tryPromise({
    try: async () => (await import("@credits/bus")).publish(bus.js, subject, payload, headers),
    catch: (error) => failed("unavailable", `${subject} did not take it: ${sentence(error)}`),
  })

const plan = (bus: BusHandle, stored: StoredLetter) =>
  Effect.gen(function* () {
    const redrive = yield* lookAt(bus, stored)
    if (redrive.t === "impossible") return { stored, status: "kept", note: redrive.why } satisfies Verdict
    if (redrive.t === "resolver") return yield* tooOld(bus, stored, redrive)
    return { stored, status: "planned", note: `to ${redrive.subject}` } satisfies Verdict
  })

const perform = (bus: BusHandle, stored: StoredLetter) =>
  Effect.gen(function* () {
    const redrive = yield* lookAt(bus, stored)
    if (redrive.t !== "send") return yield* plan(bus, stored)
    const { stream, seq } = yield* send(bus, redrive)
    yield* takeAway(bus, stored.seq)
    return { stored, status: "done", note: `${stream} message ${seq}`, more: { stream, at: seq } } satisfies Verdict
  })

export const dlqRedrive = Command.make("redrive", selectionFlags, (selection) =>
  answering(decideLetters({ command: "dlq redrive", plan, perform }, selection)),
).pipe(
  Command.withDescription("Send the originals of dead letters again, to where they came from; each letter leaves then"),
  Command.withExamples([
    { command: "credits dlq redrive 17", description: "Dry run: where it would go, or why not" },
    {
      command: 'credits dlq redrive --reason-code model_unknown --apply --reason "book 2026-12 has the model"',
      description: "All calls of a model that has a price now",
    },
  ]),
)
