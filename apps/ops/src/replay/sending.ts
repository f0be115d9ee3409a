/**
 * A replay at work: reads the selected messages of a stream, looks at each (`choose.ts`), and, when it is to be, stores
 * it again under its own subject, paced, with how far it has come kept after every few. Ends at what was the stream's
 * end when it began, so it never meets its own copies.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { BusHandle, StoredMessage } from "@credits/bus"
import { HEADERS, STREAMS, type DeadLetter } from "@credits/contracts"
import { Audit } from "../audit.ts"
import { matchingLetters } from "../dead-letters.ts"
import { failed, sentence, type CommandFailure } from "../failure.ts"
import type { OpsDatabase } from "../ops-store.ts"
import { readStream } from "../streams.ts"
import { businessNow } from "../system.ts"
import { choose, type Choice, type Circumstances, type Selection } from "./choose.ts"
import { carriedHeaders } from "./message.ts"
import { ageOf } from "./redrive.ts"
import { saveRun, type ReplayRun } from "./runs.ts"
import type { Progress } from "./progress.ts"

/** Repeated after a kill: few enough to wait for, many enough not to write all the time. */
const SAVE_EVERY = 100
/** Sleeps shorter than this are not worth their timer. */
const PACE_MS = 5
/** Rows of the audit, each of several letters. */
const DECISIONS_MAX = 100_000

const decoder = new TextDecoder()

const busTrouble = (stream: string) => (error: unknown) =>
  failed("unavailable", `${stream}: ${sentence(error)}`, "nothing is lost: go on with --resume")

/** Every message from `from` to the selection's end, in order. */
const walk = <R>(
  bus: BusHandle,
  { stream, toSeq }: Selection,
  from: number,
  visit: (message: StoredMessage) => Effect.Effect<void, CommandFailure, R>,
): Effect.Effect<void, CommandFailure, R> =>
  Effect.gen(function* () {
    for (let next = from; next <= toSeq;) {
      const read = yield* Effect.tryPromise({
        try: async () => (await import("@credits/bus")).readStored(bus, stream, next),
        catch: busTrouble(stream),
      })
      if (read.length === 0) return
      for (const message of read) {
        if (message.seq > toSeq) return
        yield* visit(message)
        next = message.seq + 1
      }
    }
  })

const textOf = ({ data, ...message }: StoredMessage) => ({ ...message, text: decoder.decode(data) })

/**
 * Letters that lie in their stream, and those a person has decided about, which are in the audit: what was discarded
 * stays so, and of what was redriven the later copy counts.
 */
export const circumstancesOf = (bus: BusHandle, stream: string) =>
  Effect.gen(function* () {
    const { first } = yield* readStream(bus, stream)
    const real = yield* Clock.currentTimeMillis
    const audit = yield* Audit
    const lying = yield* matchingLetters(bus, ({ letter }) => letter.origin.stream === stream)
    const decided = [
      ...(yield* audit.list(DECISIONS_MAX, "dlq discard")),
      ...(yield* audit.list(DECISIONS_MAX, "dlq redrive")),
    ].flatMap(({ detail }) => {
      const { letters = [] } = JSON.parse(detail) as {
        readonly letters?: ReadonlyArray<{ readonly letter: DeadLetter }>
      }
      return letters.filter(({ letter }) => letter.origin.stream === stream)
    })
    const setAside = new Map<number, Set<number>>()
    for (const { letter } of [...lying, ...decided]) {
      const { seq, index } = letter.origin
      setAside.set(seq, (setAside.get(seq) ?? new Set()).add(index))
    }
    return { setAside, first, now: { real, business: yield* businessNow(bus, real) } } satisfies Circumstances
  })

/** What a dry run says. */
export interface Survey {
  readonly run: ReplayRun
  readonly accounts: number
  readonly bytes: number
  /** Ages of what would be sent, ms by the older of both clocks; null: nothing would. */
  readonly oldestMs: number | null
  readonly newestMs: number | null
}

const count = ({ counts }: ReplayRun, choice: Choice): void => {
  if (choice.t === "skip") counts.skipped[choice.why] += 1
  else if (choice.t === "send") {
    counts.messages += 1
    counts.items += choice.items
  } else {
    counts.tooOld += 1
    for (const charge of choice.charges) if (!counts.charges.includes(charge)) counts.charges.push(charge)
  }
}

/** Looks at everything that is selected from where the run stands, and changes nothing. */
export const survey = (bus: BusHandle, run: ReplayRun, circumstances: Circumstances) =>
  Effect.gen(function* () {
    const accounts = new Set<string>()
    const seen = { bytes: 0, oldestMs: null as number | null, newestMs: null as number | null }
    yield* walk(bus, run.selection, run.next, (stored) =>
      Effect.sync(() => {
        const message = textOf(stored)
        const choice = choose(run.selection, message, circumstances)
        count(run, choice)
        if (choice.t !== "send") return
        for (const account of choice.accounts) accounts.add(account)
        const age = Math.max(0, ageOf(message.text, message.at, circumstances.now))
        seen.bytes += Buffer.byteLength(choice.text)
        seen.oldestMs = Math.max(seen.oldestMs ?? age, age)
        seen.newestMs = Math.min(seen.newestMs ?? age, age)
      }),
    )
    return { run, accounts: accounts.size, ...seen } satisfies Survey
  })

interface Sending {
  readonly bus: BusHandle
  readonly database: OpsDatabase
  readonly circumstances: Circumstances
  /** Messages a second. */
  readonly rate: number
  readonly progress: Progress
}

/** Stores again what is selected from where the run stands. Stopped at any point, it can be gone on with. */
export const send = (run: ReplayRun, { bus, database, circumstances, rate, progress }: Sending) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    yield* saveRun(database, run)
    let sent = 0
    const pace = Effect.gen(function* () {
      const wait = began + (sent * 1000) / rate - (yield* Clock.currentTimeMillis)
      if (wait > PACE_MS) yield* Effect.sleep(wait)
    })
    const store = (message: ReturnType<typeof textOf>, text: string) =>
      Effect.tryPromise({
        try: async () => {
          const { publish } = await import("@credits/bus")
          return publish(bus.js, message.subject, text, {
            ...carriedHeaders(message.headers),
            [HEADERS.messageId]: `replay:${run.run}:${message.seq}`,
            [HEADERS.replay]: `${run.run}:${message.seq}`,
          })
        },
        catch: busTrouble(message.subject),
      })
    yield* walk(bus, run.selection, run.next, (stored) =>
      Effect.gen(function* () {
        const message = textOf(stored)
        const choice = choose(run.selection, message, circumstances)
        if (choice.t === "send") {
          yield* pace
          const { seq } = yield* store(message, choice.text)
          sent += 1
          if (seq <= run.counts.lastCopy) run.counts.repeats += 1
          run.counts.lastCopy = Math.max(run.counts.lastCopy, seq)
          yield* progress.at(run.counts.messages + 1)
        }
        count(run, choice)
        run.next = message.seq + 1
        if (choice.t === "send" && sent % SAVE_EVERY === 0) yield* saveRun(database, run)
      }),
    )
    run.isDone = true
  }).pipe(Effect.ensuring(Effect.andThen(progress.end, Effect.ignore(saveRun(database, run)))))

/** Services whose database cursor follows the stream. */
export const readersOf = (stream: string): ReadonlyArray<string> =>
  Object.values(STREAMS).find(({ name }) => name === stream)?.readers ?? []
