/**
 * A model gateway under load: authorize → usage with and without holds, holds that are released, extended or left to
 * expire, calls with the customer's own key, and the same events again and again. Owns what was accepted and what each
 * must cost (computed here from the price book, not asked of the system); knows nothing of what dies meanwhile.
 */
import type { Gateway, Hold } from "@credits/client"
import type { Nano } from "@credits/kernel"
import { costOfCall } from "@credits/pricebook"
import { type Random, random, usageEvents, type UsageEventJson } from "@credits/testkit"

const MODELS = [
  { model: "gpt-4o", provider: "openai" },
  { model: "claude-sonnet-5", provider: "anthropic" },
  { model: "deepseek-v4-flash", provider: "deepseek" },
] as const
/** Callers at once: enough that every death meets requests and events on their way. */
const CALLERS = 8
const HOLD_AMOUNT: Nano = 60_000_000n
/** Short, so that what nobody settles expires within a round. */
export const HOLD_TTL_MS = 2_000

export interface Accepted {
  readonly account: string
  readonly mode: "hosted" | "byok"
  readonly cost: Nano
}

/** What one caller does next, by the share of calls. */
const KINDS = [
  ["settle", 0.4],
  ["extendAndSettle", 0.08],
  ["release", 0.08],
  ["abandon", 0.08],
  ["withoutHold", 0.16],
  ["byok", 0.08],
  ["again", 0.12],
] as const
type Kind = (typeof KINDS)[number][0]

export class GatewayLoad {
  /** By event id: each of these must be deducted exactly once, and nothing else. */
  readonly accepted = new Map<string, Accepted>()
  /** Refusals of authorizations, by code. */
  readonly refusals = new Map<string, number>()
  holds = 0
  repeats = 0
  readonly #gateway: Gateway
  readonly #accounts: ReadonlyArray<string>
  readonly #source: Random
  readonly #make: ReturnType<typeof usageEvents>
  readonly #sent: Array<UsageEventJson> = []
  #calls = 0
  #waiting: Array<{ readonly count: number; readonly resolve: () => void }> = []

  constructor(gateway: Gateway, accounts: ReadonlyArray<string>, seed: number) {
    this.#gateway = gateway
    this.#accounts = accounts
    this.#source = random(seed)
    this.#make = usageEvents({ seed, source: "chaos" })
  }

  /** Resolves when this many more events have been accepted. */
  more(count: number): Promise<void> {
    const wanted = this.accepted.size + count
    return new Promise((resolve) => {
      this.#waiting.push({ count: wanted, resolve })
    })
  }

  /** Calls until this many more events have been accepted. @throws what the client's `usage` rejects with. */
  async run(events: number): Promise<void> {
    const target = this.accepted.size + events
    const caller = async (): Promise<void> => {
      while (this.accepted.size < target) await this.#call(this.#kind())
    }
    await Promise.all(Array.from({ length: CALLERS }, caller))
  }

  #kind(): Kind {
    let left = this.#source.next()
    for (const [kind, share] of KINDS) if ((left -= share) < 0) return kind
    return "settle"
  }

  #account(): string {
    return this.#accounts[this.#source.below(this.#accounts.length)]!
  }

  async #call(kind: Kind): Promise<void> {
    if (kind === "again") return this.#again()
    const account = this.#account()
    if (kind === "byok" || kind === "withoutHold") return this.#use(account, kind === "byok" ? "byok" : "hosted")
    const hold = await this.#authorize(account)
    if (hold === null) return
    if (kind === "abandon") return
    if (kind === "release") {
      await this.#gateway.release(hold.holdId)
      return
    }
    if (kind === "extendAndSettle") await this.#gateway.extend(hold.holdId, HOLD_AMOUNT)
    await this.#use(account, "hosted", hold.holdId)
  }

  async #authorize(account: string): Promise<Hold | null> {
    const requestId = `chaos-${++this.#calls}`
    const answer = await this.#gateway.authorize({
      account,
      requestId,
      model: MODELS[0].model,
      amount: HOLD_AMOUNT,
      ttlMs: HOLD_TTL_MS,
    })
    if ("ok" in answer) {
      this.holds += 1
      return answer.ok
    }
    const { code } = answer.refused
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
    return null
  }

  async #use(account: string, mode: "hosted" | "byok", holdId?: string): Promise<void> {
    const { model, provider } = MODELS[this.#source.below(MODELS.length)]!
    const event = this.#make({
      account,
      model,
      provider,
      mode,
      at: Date.now(),
      inputTokens: 1 + this.#source.below(3_000),
      outputTokens: 1 + this.#source.below(1_000),
      ...(holdId === undefined ? {} : { holdId }),
    })
    await this.#gateway.usage(event)
    this.accepted.set(event.id, { account, mode, cost: mode === "byok" ? 0n : this.#costOf(event) })
    this.#sent.push(event)
    this.#tell()
  }

  /** A gateway that is not sure repeats: the same event, word for word. */
  async #again(): Promise<void> {
    const event = this.#sent[this.#source.below(this.#sent.length)]
    if (event === undefined) return
    await this.#gateway.usage(event)
    this.repeats += 1
  }

  #costOf(event: UsageEventJson): Nano {
    const at = Date.parse(event.time)
    const book = this.#gateway.bookAt(at)
    const { model, tokens } = event.data as { model: string; tokens: { input: number; output: number } }
    if (book === null) throw new Error("no price book is known")
    const priced = costOfCall(book, {
      model,
      at,
      tokens: { convention: "inclusive", ...tokens, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, reasoning: 0 },
      images: 0,
      requests: 1,
      status: "ok",
    })
    if ("code" in priced) throw new Error(priced.detail)
    return priced.cost
  }

  #tell(): void {
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.accepted.size < count) return true
      resolve()
      return false
    })
  }
}
