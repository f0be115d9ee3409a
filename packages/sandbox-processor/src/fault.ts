/**
 * The fault plan: an ordered list of rules, each naming requests (or webhooks) and what goes wrong with them. A rule
 * lets the first `after` of its matches through, then goes off `times` times. The first rule that goes off wins.
 */
import { Schema } from "effect"
import type Stripe from "stripe"

const Text = Schema.String.check(Schema.isMaxLength(200))
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 }))

const Match = Schema.Struct({
  method: Schema.optionalKey(Schema.Literals(["GET", "POST", "DELETE"])),
  /** `*` is one segment, `**` any rest. */
  path: Schema.optionalKey(Text),
  /** Of the request's own metadata or of the intent it is about. */
  metadata: Schema.optionalKey(Schema.Record(Text, Text)),
  /** `metadata.obligation`; `*` at its end matches any rest. */
  obligation: Schema.optionalKey(Text),
  /** A webhook's event type, `payment_intent.*` for a group. Only webhook faults. */
  event: Schema.optionalKey(Text),
})

const DelayMs = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600_000 }))

export const RequestFault = Schema.Union([
  Schema.Struct({
    kind: Schema.Literals([
      /** Executes, then resets the connection. */
      "lose_answer",
      /** Executes, then says nothing until the client gives up. */
      "hang",
      /** Executes, then sends the head and half of the body. */
      "truncate",
      /** Executes, answers 500, and answers it again under the same key. */
      "error_500",
      /** Answers 500 without executing, and answers it again under the same key. */
      "error_500_unexecuted",
      /** 409 as if the key's first request still ran. Not executed, the key stays fresh. */
      "key_in_use",
      /** Resets the connection before anything is executed. */
      "reset",
    ]),
  }),
  /** 429, not executed, the key stays fresh. */
  Schema.Struct({ kind: Schema.Literal("rate_limited"), retryAfterSeconds: Schema.optionalKey(Count) }),
  /** Executes after this long; meanwhile the key is in use. */
  Schema.Struct({ kind: Schema.Literal("delay"), ms: DelayMs }),
])

export const WebhookFault = Schema.Union([
  Schema.Struct({
    kind: Schema.Literals([
      /** Never sent, and never again: only `events.list` knows it. */
      "webhook_lose",
      /** Sent twice. */
      "webhook_duplicate",
      /** Sent after the next one. */
      "webhook_reorder",
    ]),
  }),
  Schema.Struct({ kind: Schema.Literal("webhook_delay"), ms: DelayMs }),
])

export const FaultRule = Schema.Struct({
  match: Match,
  fault: Schema.Union([...RequestFault.members, ...WebhookFault.members]),
  /** How often it goes off; for ever when absent. */
  times: Schema.optionalKey(Count),
  /** How many matches pass first. */
  after: Schema.optionalKey(Count),
})

export const FaultPlanBody = Schema.Struct({ rules: Schema.Array(FaultRule).check(Schema.isMaxLength(1_000)) })

export type FaultRule = typeof FaultRule.Type
export type RequestFault = typeof RequestFault.Type
export type WebhookFault = typeof WebhookFault.Type

/** A rule and how often it has matched and gone off. */
export interface FaultCount {
  readonly rule: FaultRule
  readonly matched: number
  readonly wentOff: number
}

export interface RequestFacts {
  readonly method: string
  readonly path: string
  readonly metadata: () => Stripe.Metadata
}

interface Armed {
  readonly rule: FaultRule
  readonly path: RegExp | undefined
  readonly isWebhook: boolean
  matched: number
  wentOff: number
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

const pathPattern = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split("/")
      .map((segment) => (segment === "**" ? ".*" : escaped(segment).replaceAll(String.raw`\*`, "[^/]*")))
      .join("/")}$`,
  )

/** `wanted` with a `*` at its end: a group. */
export const isLike = (value: string | undefined, wanted: string): boolean =>
  value !== undefined && (wanted.endsWith("*") ? value.startsWith(wanted.slice(0, -1)) : value === wanted)

const matchesRequest = ({ rule: { match }, path }: Armed, facts: RequestFacts): boolean => {
  if (match.event !== undefined) return false
  if (match.method !== undefined && match.method !== facts.method) return false
  if (path !== undefined && !path.test(facts.path)) return false
  if (match.obligation !== undefined && !isLike(facts.metadata()["obligation"], match.obligation)) return false
  const wanted = Object.entries(match.metadata ?? {})
  return wanted.every(([name, value]) => facts.metadata()[name] === value)
}

export class FaultPlan {
  #rules: ReadonlyArray<Armed> = []

  /** Replaces the plan. */
  set(rules: ReadonlyArray<FaultRule>): void {
    this.#rules = rules.map((rule) => ({
      rule,
      path: rule.match.path === undefined ? undefined : pathPattern(rule.match.path),
      isWebhook: rule.fault.kind.startsWith("webhook_"),
      matched: 0,
      wentOff: 0,
    }))
  }

  clear(): void {
    this.#rules = []
  }

  list(): ReadonlyArray<FaultCount> {
    return this.#rules.map(({ rule, matched, wentOff }) => ({ rule, matched, wentOff }))
  }

  /** What goes wrong with this request; counts it. */
  ofRequest(facts: RequestFacts): RequestFault | undefined {
    if (this.#rules.length === 0) return undefined
    const armed = this.#goesOff((each) => !each.isWebhook && matchesRequest(each, facts))
    return armed?.rule.fault as RequestFault | undefined
  }

  /** What goes wrong with this event's delivery; counts it. */
  ofWebhook(type: string): WebhookFault | undefined {
    if (this.#rules.length === 0) return undefined
    const armed = this.#goesOff((each) => each.isWebhook && isLike(type, each.rule.match.event ?? "*"))
    return armed?.rule.fault as WebhookFault | undefined
  }

  #goesOff(matches: (armed: Armed) => boolean): Armed | undefined {
    for (const armed of this.#rules) {
      const { times, after = 0 } = armed.rule
      if (times !== undefined && armed.wentOff >= times) continue
      if (!matches(armed)) continue
      armed.matched += 1
      if (armed.matched <= after) continue
      armed.wentOff += 1
      return armed
    }
    return undefined
  }
}
