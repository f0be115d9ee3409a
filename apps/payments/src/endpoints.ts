/**
 * The border: requests on `payments.request.*` and `payments.control` → answers. Decodes, calls, encodes; decides
 * nothing. Every answer is `{ok}` or `{refused}`; a question is never left without one because its answer failed.
 */
import type { RunningSagas, SagaAnswer } from "@credits/actor/saga"
import { answerControl, Border, catchUpClock, type BusHandle, type RunningClock } from "@credits/bus"
import {
  SUBJECTS,
  type ChargeView,
  type ControlAnswer,
  type LookUpAnswer,
  type PaymentsAnswers,
  type PaymentsRefusal,
  type PaymentsRequest,
  type WebhookAnswer,
} from "@credits/contracts"
import { isAsked, viewOf, type ChargeCommand, type ChargeState } from "./charge-state.ts"
import { ANSWER_PAUSES_MS, type ProcessorEvents } from "./events.ts"
import { lookUp } from "./look-up.ts"
import { chargeable, methodView, type MethodCommand, type MethodState } from "./method-state.ts"
import { shownOf } from "./perform.ts"
import type { Processor } from "./processor.ts"
import type { Reconciler } from "./reconcile.ts"
import type { Report } from "./report.ts"
import { decodeRequest } from "./requests.ts"
import { listCharges, openFindings, readCharge, type PaymentsDatabase } from "./store.ts"
import { checkWebhook } from "./webhook.ts"

const WAIT_MS = 8_000
const LIMIT = 50

export interface EndpointsOptions {
  readonly bus: BusHandle
  readonly database: PaymentsDatabase
  readonly clock: RunningClock
  readonly processor: Processor
  readonly charges: RunningSagas<ChargeState, ChargeCommand>
  readonly methods: RunningSagas<MethodState, MethodCommand>
  readonly events: ProcessorEvents
  readonly reconciler: Reconciler
  readonly publishableKey: string
  /** The one in use first, then the one before it. */
  readonly webhookSecrets: ReadonlyArray<string>
  readonly status: () => Promise<ControlAnswer>
  /** The same without metrics: the answer of `clock`. */
  readonly rest: () => Promise<ControlAnswer>
  /** Everything due by then has run when it resolves. */
  readonly runDue: (now: number) => Promise<void>
  readonly report: Report
}

type Request<Op extends PaymentsRequest["op"]> = Extract<PaymentsRequest, { op: Op }>

const ok = (value: unknown): SagaAnswer => ({ ok: value })
const refused = (code: PaymentsRefusal["code"], detail: string): SagaAnswer => ({ refused: { code, detail } })
const notFound = (chargeId: string): SagaAnswer => refused("not_found", `there is no charge ${chargeId}`)

/** Charges are idempotent by their obligation and attempt: the machine knows, nothing else is stored. */
const UNKEYED = { key: "", content: "" } as const

const charge = async (o: EndpointsOptions, request: Request<"charge">): Promise<SagaAnswer> => {
  const { account, obligation, kind, attempt, amountCents, description, present, waitMs, askedAt } = request
  if (askedAt !== undefined) await catchUpClock(o.clock, askedAt)
  const saved = chargeable(await o.methods.state(account), o.clock.now())
  const command = { op: "charge", account, kind, attempt, amountCents, description, present, saved } as const
  return o.charges.command(obligation, command, { ...UNKEYED, waitMs: waitMs ?? WAIT_MS })
}

/** For what names a charge by its id. */
const withCharge = async (
  o: EndpointsOptions,
  chargeId: string,
  then: (view: ChargeView) => Promise<SagaAnswer>,
): Promise<SagaAnswer> => {
  const view = await readCharge(o.database, chargeId)
  return view === null ? notFound(chargeId) : then(view)
}

const lookUpNow = (o: EndpointsOptions, { chargeId, take }: Request<"charge-look-up">): Promise<SagaAnswer> =>
  withCharge(o, chargeId, async ({ obligation }) => {
    const state = await o.charges.state(obligation)
    if (!isAsked(state)) return notFound(chargeId)
    const called = await shownOf(o.processor, state)
    if ("failed" in called) return refused("unavailable", "the card processor does not tell now; nothing was changed")
    const shown = called.ok
    const told = (charge: ChargeView): SagaAnswer =>
      ok({ shown: shown?.status ?? null, before: state.status, charge } satisfies LookUpAnswer)
    if (take === undefined) return told(viewOf(lookUp(state, shown, o.clock.now())))
    const command = { op: "charge-look-up", shown, ...take } as const
    const answer = await o.charges.command(obligation, command, { ...UNKEYED, waitMs: WAIT_MS })
    return "ok" in answer ? told(answer.ok as ChargeView) : answer
  })

const setUp = async (o: EndpointsOptions, account: string): Promise<SagaAnswer> => {
  const answer = await o.methods.command(account, { op: "method-setup" }, { ...UNKEYED, waitMs: WAIT_MS })
  if ("refused" in answer) return answer
  const { clientSecret } = answer.ok as { readonly clientSecret: string }
  return ok({ clientSecret, publishableKey: o.publishableKey })
}

const webhook = async (o: EndpointsOptions, request: Request<"webhook">): Promise<SagaAnswer> => {
  const realNow = Date.now()
  const checked = checkWebhook(Buffer.from(request.body, "base64"), request.signature, o.webhookSecrets, realNow)
  if ("refused" in checked) return refused(checked.refused, checked.detail)
  o.events.webhookAt = realNow
  const taken = await o.events.take(checked.event, ANSWER_PAUSES_MS)
  if (taken === "later") return refused("unavailable", "the event cannot be looked up now; send it again")
  return ok({ taken } satisfies WebhookAnswer)
}

const reconcile = async (o: EndpointsOptions, { from, to }: Request<"recon-run">): Promise<SagaAnswer> => {
  if (from !== undefined && to !== undefined && from >= to) return refused("invalid", "from must lie before to")
  return ok(await o.reconciler.run(from, to))
}

const ofMethod = (o: EndpointsOptions, request: Request<"method-save" | "method-remove">): Promise<SagaAnswer> => {
  const { op, account, id } = request
  const command: MethodCommand = op === "method-save" ? { op, id, setupToken: request.setupToken } : { op, id }
  return o.methods.command(account, command, { key: id, content: JSON.stringify(command), waitMs: WAIT_MS })
}

const handle = (o: EndpointsOptions, request: PaymentsRequest): Promise<SagaAnswer> | SagaAnswer => {
  const { charges, methods, clock, database } = o
  const waiting = { ...UNKEYED, waitMs: WAIT_MS }
  switch (request.op) {
    case "charge":
      return charge(o, request)
    case "charge-close":
      return charges.command(request.obligation, { op: "charge-close", account: request.account }, waiting)
    case "charge-show":
      return withCharge(o, request.chargeId, async (view) =>
        request.account === undefined || request.account === view.account ? ok(view) : notFound(request.chargeId),
      )
    case "charge-list": {
      const { account, status, limit = LIMIT, cursor } = request
      return listCharges(database, { account, status, limit, cursor }).then(ok)
    }
    case "charge-look-up":
      return lookUpNow(o, request)
    case "charge-resolve":
    case "charge-refund": {
      const { chargeId, ...command } = request
      return withCharge(o, chargeId, (view) => charges.command(view.obligation, command, waiting))
    }
    case "method":
      return methods.state(request.account).then((state) => ok(methodView(state, clock.now())))
    case "method-setup":
      return setUp(o, request.account)
    case "method-save":
    case "method-remove":
      return ofMethod(o, request)
    case "webhook":
      return webhook(o, request)
    case "recon-run":
      return reconcile(o, request)
    case "recon-findings":
      return openFindings(database).then((items) => ok({ items } satisfies PaymentsAnswers["recon-findings"]))
  }
}

export class Endpoints extends Border<PaymentsRequest> {
  constructor(options: EndpointsOptions) {
    const { bus, report } = options
    super({
      bus,
      name: "payments",
      requestSubject: SUBJECTS.paymentsRequest,
      controlSubject: SUBJECTS.paymentsControl,
      decode: decodeRequest,
      handle: (request) => handle(options, request),
      control: (text) => answerControl(options, text),
      report,
    })
  }
}
