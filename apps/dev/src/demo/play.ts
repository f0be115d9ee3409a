/**
 * Plays calls as a model gateway would: authorize, "call the model", hand in the usage event that settles the hold.
 * Owns who calls what and in which order (from a seed), and counts what came of it. Prices each call by itself, so
 * that the system's own sums can be checked against something.
 */
import { type Gateway, SpoolFull } from "@credits/client"
import type { Nano } from "@credits/kernel"
import { costOfCall } from "@credits/pricebook"
import { type Random, random } from "@credits/testkit/random"
import type { TraceCall } from "@credits/testkit/trace"
import { usageEvents } from "@credits/testkit/usage-events"
import type { Player } from "./cast.ts"

interface ModelShare {
  readonly model: string
  readonly provider: string
  readonly weight: number
}

/** What people of such a product use, roughly: cheap ones often, dear ones sometimes. */
export const MODELS: ReadonlyArray<ModelShare> = [
  { model: "claude-sonnet-5", provider: "anthropic", weight: 22 },
  { model: "gpt-6-sol", provider: "openai", weight: 18 },
  { model: "gpt-5.4-mini", provider: "openai", weight: 14 },
  { model: "gemini-3.1-pro-preview", provider: "google", weight: 12 },
  { model: "gemini-3.5-flash-lite", provider: "google", weight: 10 },
  { model: "claude-opus-5", provider: "anthropic", weight: 6 },
  { model: "deepseek-v4-flash", provider: "deepseek", weight: 6 },
  { model: "glm-5.3", provider: "zhipuai", weight: 5 },
  { model: "kimi-k2.6", provider: "moonshotai", weight: 4 },
  { model: "grok-4.5", provider: "x-ai", weight: 3 },
]

const BYOK_SHARE = 0.15
const CANCELLED_SHARE = 0.02
const FAILED_SHARE = 0.01
/** A fifth of the calls continue a conversation: half of their prompt comes from the provider's cache. */
const CACHED_SHARE = 0.2
/** What a client asks for at most when it does not know how long the answer will be. */
const MAX_OUTPUT_TOKENS = 1_024

interface PlannedCall {
  readonly index: number
  readonly atMs: number
  readonly player: Player
  readonly model: ModelShare
  readonly mode: "hosted" | "byok"
  readonly status: "ok" | "cancelled" | "failed"
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
}

export interface ModelTally {
  hosted: number
  byok: number
  inputTokens: number
  outputTokens: number
  cost: Nano
}

export interface PlayTally {
  calls: number
  readonly models: Map<string, ModelTally>
  readonly refusals: Map<string, number>
  /** By account: hosted calls that were handed in, and what they must cost. */
  readonly accounts: Map<string, { calls: number; byok: number; refused: number; cost: Nano }>
  cancelled: number
  failed: number
  seconds: number
}

const chooser = <A extends { readonly weight: number }>(items: ReadonlyArray<A>, source: Random): (() => A) => {
  const sum = items.reduce((total, item) => total + item.weight, 0)
  return () => {
    let left = source.next() * sum
    return items.find((item) => (left -= item.weight) < 0) ?? items.at(-1)!
  }
}

/** Who calls what: the same for the same seed and trace. */
const planCalls = (
  trace: ReadonlyArray<TraceCall>,
  players: ReadonlyArray<Player>,
  seed: number,
): Array<PlannedCall> => {
  const source = random(seed)
  const player = chooser(
    players.map((each) => ({ each, weight: each.role.weight })),
    source,
  )
  const model = chooser(MODELS, source)
  return trace.map((call, index) => {
    const draw = source.next()
    const status = draw < FAILED_SHARE ? "failed" : draw < FAILED_SHARE + CANCELLED_SHARE ? "cancelled" : "ok"
    const produced = status === "failed" ? 0 : status === "cancelled" ? call.outputTokens >> 1 : call.outputTokens
    return {
      index,
      atMs: call.atMs,
      player: player().each,
      model: model(),
      mode: source.next() < BYOK_SHARE ? "byok" : "hosted",
      status,
      inputTokens: call.inputTokens,
      outputTokens: produced,
      cacheReadTokens: source.next() < CACHED_SHARE ? call.inputTokens >> 1 : 0,
    }
  })
}

const modelTally = (tally: PlayTally, model: string): ModelTally => {
  const found = tally.models.get(model) ?? { hosted: 0, byok: 0, inputTokens: 0, outputTokens: 0, cost: 0n }
  tally.models.set(model, found)
  return found
}

export interface PlayOptions {
  readonly gateway: Gateway
  readonly trace: ReadonlyArray<TraceCall>
  readonly players: ReadonlyArray<Player>
  readonly seed: number
  readonly concurrency: number
  readonly speed: number | undefined
  /** Part of every id, so that two runs never meet. */
  readonly run: string
  readonly onProgress: (done: number, total: number) => void
}

const waitUntil = async (at: number): Promise<void> => {
  const wait = at - performance.now()
  if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
}

/** A full spool is back-pressure: the gateway waits with its answer instead of losing the event. */
const handIn = async (gateway: Gateway, event: unknown): Promise<void> => {
  for (;;) {
    try {
      return await gateway.usage(event)
    } catch (error) {
      if (!(error instanceof SpoolFull)) throw error
    }
  }
}

interface Stage {
  readonly gateway: Gateway
  readonly run: string
  readonly make: ReturnType<typeof usageEvents>
  readonly tally: PlayTally
}

const emptyTally = (players: ReadonlyArray<Player>): PlayTally => ({
  calls: 0,
  models: new Map(),
  refusals: new Map(),
  accounts: new Map(players.map((each) => [each.account, { calls: 0, byok: 0, refused: 0, cost: 0n }])),
  cancelled: 0,
  failed: 0,
  seconds: 0,
})

/** The hold's id, or null when the call was refused. */
const authorize = async ({ gateway, tally }: Stage, call: PlannedCall, requestId: string): Promise<string | null> => {
  const { account } = call.player
  const estimate = { inputTokens: call.inputTokens, maxOutputTokens: MAX_OUTPUT_TOKENS }
  const answer = await gateway.authorize({ account, requestId, model: call.model.model, estimate })
  if ("ok" in answer) return answer.ok.holdId
  const { code } = answer.refused
  tally.refusals.set(code, (tally.refusals.get(code) ?? 0) + 1)
  tally.accounts.get(account)!.refused++
  return null
}

const playOne = async (stage: Stage, call: PlannedCall): Promise<void> => {
  const { gateway, tally, make, run } = stage
  const { model, player, mode, status, inputTokens, outputTokens, cacheReadTokens } = call
  const requestId = `demo-${run}-${call.index}`
  const holdId = mode === "hosted" ? await authorize(stage, call, requestId) : undefined
  if (holdId === null) return
  const at = Date.now()
  const who = { account: player.account, model: model.model, provider: model.provider, mode, status, requestId, at }
  const hold = holdId === undefined ? {} : { holdId }
  await handIn(gateway, make({ ...who, ...hold, inputTokens, outputTokens, cacheReadTokens }))

  const sums = modelTally(tally, model.model)
  const account = tally.accounts.get(player.account)!
  sums.inputTokens += inputTokens
  sums.outputTokens += outputTokens
  if (status === "failed") tally.failed++
  if (status === "cancelled") tally.cancelled++
  if (mode === "byok") {
    sums.byok++
    account.byok++
    return
  }
  const cost = ownPrice(gateway, call, at)
  sums.hosted++
  sums.cost += cost
  account.calls++
  account.cost += cost
}

export const play = async (options: PlayOptions): Promise<PlayTally> => {
  const { gateway, players, run } = options
  const calls = planCalls(options.trace, players, options.seed)
  const tally = emptyTally(players)
  const make = usageEvents({ seed: Number.parseInt(run, 36) >>> 0, source: "demo" })
  const stage: Stage = { gateway, run, make, tally }
  const start = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < calls.length) {
      const call = calls[next++]!
      if (options.speed !== undefined) await waitUntil(start + call.atMs / options.speed)
      await playOne(stage, call)
      tally.calls++
      if (tally.calls % 50 === 0) options.onProgress(tally.calls, calls.length)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, worker))
  tally.seconds = (performance.now() - start) / 1000
  options.onProgress(tally.calls, calls.length)
  return tally
}

/** What the price book says this call costs, computed here and not asked of anybody. */
const ownPrice = (gateway: Gateway, call: PlannedCall, at: number): Nano => {
  const book = gateway.bookAt(at)
  if (book === null) throw new Error("no price book is known")
  const priced = costOfCall(book, {
    model: call.model.model,
    at,
    tokens: {
      convention: "inclusive",
      input: call.inputTokens,
      output: call.outputTokens,
      cacheRead: call.cacheReadTokens,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      reasoning: 0,
    },
    images: 0,
    requests: 1,
    status: call.status,
  })
  if ("code" in priced) throw new Error(priced.detail)
  return priced.cost
}
