/**
 * How much one caller may ask (D1 #11, #18). Owns the budgets by mode and whose they are; counts in this process alone,
 * so several edges give as many times more. What is refused was not done.
 */
import { makeProblem, type RateLimited, type RequestKind } from "@credits/contracts/http"
import { Context, Effect, Layer, Option } from "effect"
import type { HttpServerRequest } from "effect/http"
import { clientAddressOf } from "./client-address.ts"
import { EdgeConfig, type Mode } from "./config.ts"
import { type Budget, TokenBuckets } from "./token-bucket.ts"

/** A person's pages ask some 20 things at once, a program of theirs polls, and an impatient click is 50 confirms. */
const PRODUCTION = {
  /** Per address, everything but gateways, webhooks and health: an office behind one address is many people. */
  address: { burst: 1_000, perSecond: 200 },
  /** Per address: sign-ins begun and finished. */
  signIn: { burst: 40, perSecond: 0.5 },
  /** Per address: credentials that were not good. */
  failedCredential: { burst: 30, perSecond: 0.5 },
  /** Per account. */
  account: { burst: 300, perSecond: 50 },
  /** Per account: what moves money or may. */
  money: { burst: 100, perSecond: 2 },
  /** Five an hour of one account, twenty a day of one address: what trying stolen cards needs is many. */
  cardSetup: { burst: 5, perSecond: 5 / 3_600 },
  cardSetupOfAddress: { burst: 20, perSecond: 20 / 86_400 },
  /** Per key: beyond what an edge can do, so only a runaway loop meets it. */
  gateway: { burst: 40_000, perSecond: 40_000 },
} as const satisfies Record<string, Budget>
export type BudgetName = keyof typeof PRODUCTION

/** Sandbox: demonstrations share an address. Development: a test suite on loopback never meets one. */
const FACTORS: Readonly<Record<Mode, number>> = { production: 1, sandbox: 20, development: 1_000_000 }

export const budgetsOf = (mode: Mode): Readonly<Record<BudgetName, Budget>> => {
  const factor = FACTORS[mode]
  return Object.fromEntries(
    Object.entries(PRODUCTION).map(([name, { burst, perSecond }]) => [
      name,
      { burst: burst * factor, perSecond: perSecond * factor },
    ]),
  ) as Record<BudgetName, Budget>
}

/** 100 bytes each: some 5 MB a budget at most. */
const KEYS_MAX = 50_000

/** Never words that clients read as "out of money" (contract 3). */
const limited = (retryAfterMs: number): RateLimited =>
  makeProblem(429, "rate_limited", "too many requests of this kind; wait and send it again", { retryAfterMs })

type Request = HttpServerRequest.HttpServerRequest

export class RateLimits extends Context.Service<
  RateLimits,
  {
    readonly addressOf: (request: Request) => string
    readonly take: (budget: BudgetName, key: string) => Effect.Effect<void, RateLimited>
    /** Of an account's request, beside what its kind costs more. */
    readonly takeOfAccount: (kind: RequestKind, account: string, request: Request) => Effect.Effect<void, RateLimited>
  }
>()("edge/RateLimits") {
  static readonly layer = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const { mode, trustedProxies } = yield* EdgeConfig
      const budgets = budgetsOf(mode)
      const buckets = new Map(Object.keys(budgets).map((name) => [name, new TokenBuckets(KEYS_MAX)]))
      const addressOf = (request: Request) =>
        clientAddressOf(
          Option.getOrUndefined(request.remoteAddress),
          request.headers["x-forwarded-for"],
          trustedProxies,
        )
      const take = (name: BudgetName, key: string): Effect.Effect<void, RateLimited> =>
        Effect.suspend(() => {
          const wait = buckets.get(name)!.take(key, budgets[name], performance.now())
          return wait === 0 ? Effect.void : Effect.fail(limited(wait))
        })
      const takeOfAccount = Effect.fnUntraced(function* (kind: RequestKind, account: string, request: Request) {
        yield* take("account", account)
        if (kind === "money") yield* take("money", account)
        if (kind === "card_setup") {
          yield* take("cardSetup", account)
          yield* take("cardSetupOfAddress", addressOf(request))
        }
      })
      return RateLimits.of({ addressOf, take, takeOfAccount })
    }),
  )
}
