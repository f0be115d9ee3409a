/**
 * The border: requests on `topup.request.*` and `topup.control` → answers. Decodes, asks the machine, encodes; decides
 * nothing. Every answer is `{ok}` or `{refused}`.
 */
import type { RunningSagas } from "@credits/actor/saga"
import { answerControl, Border, type BusHandle, type RunningClock } from "@credits/bus"
import { SUBJECTS, type ControlAnswer, type TopupRefusal, type TopupRequest } from "@credits/contracts"
import type { Metrics } from "./metrics.ts"
import type { Readings } from "./reading.ts"
import { decodeRequest } from "./requests.ts"
import { readConsents, type TopupDatabase } from "./store.ts"
import type { TopupCommand, TopupState } from "./topup-state.ts"
import { viewOf } from "./view.ts"

export type Report = (level: "info" | "warning" | "error", message: string) => void

export interface EndpointsOptions {
  readonly bus: BusHandle
  readonly database: TopupDatabase
  readonly clock: RunningClock
  readonly sagas: RunningSagas<TopupState, TopupCommand>
  readonly readings: Readings
  readonly metrics: Metrics
  readonly status: () => Promise<ControlAnswer>
  /** The same without metrics: the answer of `clock`. */
  readonly rest: () => Promise<ControlAnswer>
  readonly report: Report
}

type Answer = { readonly ok: unknown } | { readonly refused: TopupRefusal | { readonly code: string } }
type Asked<Op extends TopupRequest["op"]> = Extract<TopupRequest, { op: Op }>

/** The same id may stand for another operation of the same account. */
const command = (
  { sagas }: EndpointsOptions,
  request: Asked<"enable" | "disable" | "suspend">,
  asked: TopupCommand,
): Promise<Answer> => {
  const { id, account, ...content } = request
  return sagas.command(account, asked, { key: `${request.op}:${id}`, content: JSON.stringify(content) })
}

/** R9.7: what is not known for sure is read before anybody is turned on or away. */
const enable = async (options: EndpointsOptions, request: Asked<"enable">): Promise<Answer> => {
  const { account, monthlyCapCents, consent } = request
  const { consent: given } = await options.sagas.state(account)
  const reading = given === null ? await options.readings.of(account) : null
  return command(options, request, { op: "enable", capCents: monthlyCapCents, ...consent, reading })
}

/** Before the first fact of an account its plan's policy is read for the view alone. */
const show = async ({ sagas, readings, clock }: EndpointsOptions, account: string): Promise<Answer> => {
  const state = await sagas.state(account)
  const isKnown = state.plan.status !== "unknown"
  const plan = isKnown ? state.plan : await readings.plan(account).catch(() => state.plan)
  return { ok: viewOf({ ...state, plan }, clock.now()) }
}

const handle = async (options: EndpointsOptions, request: TopupRequest): Promise<Answer> => {
  switch (request.op) {
    case "show":
      return show(options, request.account)
    case "consents":
      return { ok: { items: await readConsents(options.database, request.account) } }
    case "enable":
      return enable(options, request)
    case "disable":
      return command(options, request, { op: "disable", source: request.source })
    case "suspend":
      return command(options, request, { op: "suspend", by: request.by, reason: request.reason })
  }
}

export class Endpoints extends Border<TopupRequest> {
  constructor(options: EndpointsOptions) {
    const { bus, metrics, report } = options
    super({
      bus,
      name: "auto top-up",
      requestSubject: SUBJECTS.topupRequest,
      controlSubject: SUBJECTS.topupControl,
      decode: decodeRequest,
      handle: (request) => handle(options, request),
      control: (text) => answerControl({ ...options, runDue: (now) => options.sagas.runDue(now) }, text),
      onAnswer: (answer) => {
        metrics.requests++
        if ("refused" in answer) metrics.refusals++
      },
      report,
    })
  }
}
