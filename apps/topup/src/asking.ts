/**
 * What auto top-up asks of the ledger and of payments: one function a step, each repeatable under its own id. Owns the
 * requests and which answers are outcomes; everything else throws, and the step is tried again (R9.5).
 */
import { ask, askOwner, type BusHandle, type RunningClock } from "@credits/bus"
import {
  SUBJECTS,
  type ChargeAnswer,
  type CloseAnswer,
  type LedgerReply,
  type LedgerRequest,
  type PaymentsReply,
  type RequestCharge,
  type WalletAnswer,
} from "@credits/contracts"
import { formatUsd, NANO_PER_CENT, partitionOf } from "@credits/kernel"
import type { TopupOutcome, TopupState, TopupStep } from "./topup-state.ts"

/** Most cards are decided by then; whatever takes longer is told by its fact. */
const CHARGE_WAIT_MS = 3_000
/** Payments answers at the latest after its wait. */
const CHARGE_ANSWER_MS = CHARGE_WAIT_MS + 5_000

/** The cancellation at the processor, and what payments waits for it. */
const CLOSE_ANSWER_MS = 10_000

/** Refusals after which certainly nothing was or will be charged under this obligation. */
const NOT_CHARGED: ReadonlySet<string> = new Set(["payment_method_required", "obligation_closed", "invalid"])

interface AskingParts {
  readonly bus: BusHandle
  readonly clock: Pick<RunningClock, "now">
}

const askLedger = async <A>(bus: BusHandle, request: LedgerRequest): Promise<A> => {
  const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
  const reply = JSON.parse(await askOwner(bus.connection, subject, JSON.stringify(request))) as LedgerReply<A>
  if ("ok" in reply) return reply.ok
  throw new Error(`the ledger refuses ${request.op}: ${reply.refused.code}, ${reply.refused.detail}`)
}

/**
 * Whether the balance may be acted on. Not without hosted models or while support has frozen the account. Not between
 * two cycles either: the plan's own credit is about to come (R2.3), and its fact makes us look again.
 */
export const isOpenTo = (wallet: Pick<WalletAnswer, "hostedModels" | "freeze" | "cycle" | "asOf">): boolean =>
  wallet.hostedModels && wallet.freeze === null && (wallet.cycle === null || wallet.asOf < wallet.cycle.end)

const look = async (bus: BusHandle, account: string): Promise<TopupOutcome> => {
  const wallet = await askLedger<WalletAnswer>(bus, { op: "wallet", account })
  return { kind: "looked", balance: BigInt(wallet.balance), isOpen: isOpenTo(wallet) }
}

/** R6.2: calls refused meanwhile are answered `top_up_in_progress`; 0 ends that. */
const mark = (account: string, id: string, until: number): LedgerRequest & { readonly op: "mark" } => ({
  op: "mark",
  id,
  account,
  mark: "refill",
  until,
})

const charge = async (
  { bus, clock }: AskingParts,
  account: string,
  step: Extract<TopupStep, { kind: "charge" }>,
): Promise<TopupOutcome> => {
  const { obligation, amountCents } = step
  const request: RequestCharge = {
    op: "charge",
    account,
    obligation,
    kind: "topup",
    attempt: 1,
    amountCents,
    description: "Auto top-up",
    present: false,
    waitMs: CHARGE_WAIT_MS,
    askedAt: clock.now(),
  }
  const text = await ask(bus.connection, SUBJECTS.paymentsRequest("charge"), JSON.stringify(request), CHARGE_ANSWER_MS)
  const reply = JSON.parse(text) as PaymentsReply<ChargeAnswer>
  if ("ok" in reply) return { kind: "charged", answer: reply.ok }
  const { code, detail } = reply.refused
  if (NOT_CHARGED.has(code)) return { kind: "refused", code }
  throw new Error(`payments refuses ${obligation}: ${code}, ${detail}`)
}

/** What waits for the customer is canceled; paid meanwhile it is answered as the charge it is. @throws when not yet */
const close = async (
  parts: AskingParts,
  account: string,
  step: Extract<TopupStep, { kind: "close" }>,
): Promise<TopupOutcome> => {
  const { obligation, amountCents } = step
  const request = JSON.stringify({ op: "charge-close", account, obligation })
  const text = await ask(parts.bus.connection, SUBJECTS.paymentsRequest("charge-close"), request, CLOSE_ANSWER_MS)
  const reply = JSON.parse(text) as PaymentsReply<CloseAnswer>
  if ("refused" in reply) throw new Error(`payments refuses to close ${obligation}: ${reply.refused.code}`)
  if (reply.ok.status === "closed") return { kind: "closed" }
  if (reply.ok.status === "pending") throw new Error(`${obligation} is not closed yet`)
  return charge(parts, account, { id: step.id, kind: "charge", obligation, amountCents })
}

/** I8: once for ever by its id; the same group ends the mark, so no call is refused beside the credit. */
const grant = (account: string, step: Extract<TopupStep, { kind: "grant" }>): LedgerRequest => {
  const { id, obligation } = step
  const amount = BigInt(step.amountCents) * NANO_PER_CENT
  const reason = `auto top-up of ${formatUsd(amount)} USD`
  return {
    op: "group",
    id,
    account,
    commands: [
      { op: "grant", id, account, kind: "topup", amount: amount.toString(), cause: obligation, reason },
      mark(account, `granted:${obligation}`, 0),
    ],
  }
}

/**
 * R5.2: what is left of the credit that a charge bought; none when it is used up. What calls have a promise of stays
 * theirs.
 */
const revoke = async (
  bus: BusHandle,
  account: string,
  { id, obligation, amountCents }: Extract<TopupStep, { kind: "revoke" }>,
): Promise<void> => {
  const { lots } = await askLedger<WalletAnswer>(bus, { op: "wallet", account })
  const lot = lots.find(({ cause }) => cause === obligation)
  if (lot === undefined) return
  const amount = (BigInt(amountCents) * NANO_PER_CENT).toString()
  const reason = "auto top-up given back"
  await askLedger(bus, { op: "revoke", id, account, lotId: lot.id, amount, cause: obligation, reason })
}

export const performOn =
  (parts: AskingParts) =>
  async (step: TopupStep, { account }: TopupState): Promise<TopupOutcome> => {
    const { bus } = parts
    switch (step.kind) {
      case "look":
        return look(bus, account)
      case "mark":
        await askLedger(bus, mark(account, step.id, step.until))
        return { kind: "marked" }
      case "charge":
        return charge(parts, account, step)
      case "close":
        return close(parts, account, step)
      case "clear":
        await askLedger(bus, mark(account, step.id, 0))
        return { kind: "cleared" }
      case "grant":
        await askLedger(bus, grant(account, step))
        return { kind: "granted" }
      case "revoke":
        await revoke(bus, account, step)
        return { kind: "revoked" }
    }
  }
