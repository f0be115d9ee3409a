/**
 * The border: requests on `subscriptions.request.*` and `subscriptions.control` → answers. Decodes, calls, encodes;
 * decides nothing. Every answer is `{ok}` or `{refused}`; a question is never left without one because its answer
 * failed.
 */
import type { RunningSagas, SagaAnswer } from "@credits/actor/saga"
import { answerControl, Border, type BusHandle, type RunningClock } from "@credits/bus"
import {
  SUBJECTS,
  type ControlAnswer,
  type PaidAnswer,
  type QuoteView,
  type SubscriptionsRefusal,
  type SubscriptionsRequest,
  type SubscriptionView,
  type WalletAnswer,
} from "@credits/contracts"
import type { Asking } from "./asking.ts"
import type { Catalogues, Report } from "./catalogues.ts"
import { WALLET_STALE, type Answer, type Command } from "./command.ts"
import { countRefusal, countRequest, type Counters } from "./metrics.ts"
import { decodeRequest } from "./requests.ts"
import { listCases, readCase, type SubscriptionsDatabase } from "./store.ts"
import type { State } from "./subscription.ts"
import { viewOf } from "./view.ts"

/** R4.4: a confirmation waits this long for the money. */
const WAIT_MS = 10_000
/** How often a wallet is read again when it is older than the subscription, and how long between. */
const WALLET_READS_MAX = 40
const WALLET_PAUSE_MS = 50

export interface EndpointsOptions {
  readonly bus: BusHandle
  readonly database: SubscriptionsDatabase
  readonly clock: RunningClock
  readonly sagas: RunningSagas<State, Command>
  readonly asking: Asking
  readonly catalogues: Catalogues
  readonly counters: Counters
  readonly status: () => Promise<ControlAnswer>
  /** The same without metrics: the answer of `clock`. */
  readonly rest: () => Promise<ControlAnswer>
  /** Everything due by then has run when it resolves. */
  readonly runDue: (now: number) => Promise<void>
  readonly report: Report
}

type Reply = { readonly ok: unknown } | { readonly refused: SubscriptionsRefusal }
type RequestOf<Op extends SubscriptionsRequest["op"]> = Extract<SubscriptionsRequest, { op: Op }>

const refused = (code: SubscriptionsRefusal["code"], detail: string, field?: string): Reply => ({
  refused: { code, detail, ...(field !== undefined && { field }) },
})
const unavailable = refused("unavailable", "subscriptions cannot answer now; ask again")

/** The same id of an operation is the same command of an account, for ever. */
const keyed = ({ op, id, ...content }: Extract<Command, { id: string }>) => {
  const { wallet: _wallet, ...rest } = content as { readonly wallet?: unknown }
  return { key: `${op}:${id}`, content: JSON.stringify(rest), waitMs: WAIT_MS }
}

const asReply = (answer: SagaAnswer): Reply =>
  "ok" in answer ? answer : { refused: answer.refused as unknown as SubscriptionsRefusal }

const view = async (o: EndpointsOptions, account: string): Promise<SubscriptionView> =>
  viewOf(await o.sagas.state(account), o.catalogues.all, o.clock.now())

/** Commands whose answer is the subscription as it is then. */
const change = async (
  o: EndpointsOptions,
  request: RequestOf<"cancel" | "resume" | "downgrade" | "complimentary">,
): Promise<Reply> => {
  const answer = asReply(await o.sagas.command(request.account, request, keyed(request)))
  return "ok" in answer ? { ok: await view(o, request.account) } : answer
}

const pay = async (o: EndpointsOptions, request: RequestOf<"confirm" | "pay">): Promise<Reply> => {
  const answer = asReply(await o.sagas.command(request.account, request, keyed(request)))
  if ("refused" in answer) return answer
  const paid = answer.ok as Answer
  if (paid.status === "being_confirmed") return { ok: paid satisfies PaidAnswer }
  return { ok: { status: "done", subscription: await view(o, request.account) } satisfies PaidAnswer }
}

/** The wallet is read first, so that credit lines are exact; while the ledger is being told something, read again. */
const quote = async (o: EndpointsOptions, request: RequestOf<"quote">): Promise<Reply> => {
  const { account } = request
  for (let reads = 0; reads < WALLET_READS_MAX; reads++) {
    const reply = await o.asking.ledger({ op: "wallet", account })
    if ("refused" in reply) return unavailable
    const command = { ...request, wallet: reply.ok as WalletAnswer }
    const answer = await o.sagas.command(account, command, keyed(command))
    if ("ok" in answer) return { ok: answer.ok as QuoteView }
    if (answer.refused.code !== WALLET_STALE) return asReply(answer)
    o.counters.walletsReadAgain++
    await new Promise((resolve) => setTimeout(resolve, WALLET_PAUSE_MS))
  }
  return unavailable
}

/** Another account's charge is not found. */
const openReview = async (o: EndpointsOptions, request: RequestOf<"review-open">): Promise<Reply> => {
  const { account, chargeId } = request
  const charge = await o.asking.payments({ op: "charge-show", chargeId, account })
  if ("refused" in charge) {
    return charge.refused.code === "not_found"
      ? refused("charge_not_found", `there is no charge ${chargeId}`, "chargeId")
      : unavailable
  }
  return asReply(await o.sagas.command(account, request, keyed(request)))
}

const answerReview = async (o: EndpointsOptions, request: RequestOf<"review-answer">): Promise<Reply> => {
  const found = await readCase(o.database, request.reviewId)
  if (found === null) return refused("review_not_found", `there is no case ${request.reviewId}`)
  return asReply(await o.sagas.command(found.account, request, keyed(request)))
}

const handle = async (o: EndpointsOptions, request: SubscriptionsRequest): Promise<Reply> => {
  switch (request.op) {
    case "show":
      return { ok: await view(o, request.account) }
    case "quote":
      return quote(o, request)
    case "confirm":
    case "pay":
      return pay(o, request)
    case "cancel":
    case "resume":
    case "downgrade":
    case "complimentary":
      return change(o, request)
    case "review-open":
      return openReview(o, request)
    case "review-answer":
      return answerReview(o, request)
    case "review-list":
      return { ok: { items: await listCases(o.database, request) } }
  }
}

export class Endpoints extends Border<SubscriptionsRequest> {
  constructor(options: EndpointsOptions) {
    const { bus, counters, report } = options
    super({
      bus,
      name: "subscriptions",
      requestSubject: SUBJECTS.subscriptionsRequest,
      controlSubject: SUBJECTS.subscriptionsControl,
      decode: decodeRequest,
      handle: (request) => handle(options, request),
      control: (text) => answerControl(options, text),
      onAnswer: (answer, request) => {
        if (request === undefined) return
        countRequest(counters, request.op)
        if ("refused" in answer) countRefusal(counters, answer.refused.code)
      },
      report,
    })
  }
}
