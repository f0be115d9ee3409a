/**
 * Does a step of the machine: asks payments or the ledger and makes an outcome of the answer. Owns which answers are
 * definite; whatever is not is thrown, and the runtime tries the step again.
 */
import type {
  ChargeAnswer,
  ChargePage,
  ChargeView,
  CloseAnswer,
  DoneAnswer,
  ExchangeAnswer,
  GroupAnswer,
  LedgerRefusal,
  LotAnswer,
  MethodView,
  PaymentsRefusal,
  PaymentsRequest,
  StatementAnswer,
  WalletAnswer,
} from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { CHARGE_WAIT_MS, NotAnswered, type Asking } from "./asking.ts"
import type { Report } from "./catalogues.ts"
import { afterExpiry } from "./ledger-work.ts"
import { evidenceOf } from "./review.ts"
import type { Outcome, Step } from "./step.ts"
import type { LedgerCommand, LedgerWork } from "./subscription.ts"

export interface Performer {
  readonly asking: Asking
  readonly now: () => Instant
  readonly report: Report
}

type StepOf<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>

const CASE_CHARGES = 200

/** An answer that no rule foresees: said aloud, and asked again. */
const unforeseen = (performer: Performer, step: Step, refusal: PaymentsRefusal | LedgerRefusal): NotAnswered => {
  performer.report("error", `${step.id} was refused: ${refusal.code} ${refusal.detail}`)
  return new NotAnswered(step.id, refusal.code)
}

const askPayments = async <A>(performer: Performer, step: Step, request: PaymentsRequest): Promise<A> => {
  const reply = await performer.asking.payments(request)
  if ("ok" in reply) return reply.ok as A
  throw unforeseen(performer, step, reply.refused)
}

const charge = async (performer: Performer, step: StepOf<"charge">): Promise<Outcome> => {
  const { account, obligation, chargeKind: kind, attempt, amountCents, description, present } = step
  const reply = await performer.asking.payments({
    op: "charge",
    account,
    obligation,
    kind,
    attempt,
    amountCents,
    description,
    present,
    waitMs: CHARGE_WAIT_MS,
    askedAt: performer.now(),
  })
  if ("refused" in reply) {
    const { code } = reply.refused
    if (code === "payment_method_required" || code === "obligation_closed") return { kind: "refused", code }
    throw unforeseen(performer, step, reply.refused)
  }
  const { charge: view } = reply.ok as ChargeAnswer
  // An earlier attempt is still open there: this one has not been made.
  if (view.attempt < attempt && view.status !== "succeeded")
    throw new NotAnswered(step.id, "an earlier attempt is open")
  return { kind: "charge", charge: view }
}

/** What expired of a lot, nano-USD. Entries since its end only. */
const expiredOf = async (
  performer: Performer,
  account: string,
  lot: { readonly id: string; readonly endsAt: Instant },
): Promise<Nano> => {
  let expired = 0n
  let cursor: string | null = ""
  while (cursor !== null) {
    const reply = await performer.asking.ledger({
      op: "statement",
      account,
      kind: "lot_expired",
      from: lot.endsAt,
      limit: 500,
      ...(cursor !== "" && { cursor }),
    })
    if ("refused" in reply) throw new NotAnswered("ledger", reply.refused.detail)
    const page = reply.ok as StatementAnswer
    for (const { lots } of page.items) for (const { id, amount } of lots) if (id === lot.id) expired -= BigInt(amount)
    cursor = page.nextCursor
  }
  return expired
}

/** An exchange that counts on its old lot's being there: whether it still is, only the ledger's own clock decides. */
const whileItLasts = ({ commands, oldLot }: LedgerWork): ReadonlyArray<LedgerCommand> =>
  oldLot === null
    ? commands
    : commands.map((command) => (command.op === "exchange" ? { ...command, fromExpiresAt: oldLot.endsAt } : command))

/** Nothing can come of it any more: a lot or an entitlement that would already have ended. */
const isTooLate = (commands: ReadonlyArray<LedgerCommand>, now: Instant): boolean =>
  commands.some((command) => {
    const end =
      command.op === "grant"
        ? command.expiresAt
        : command.op === "exchange"
          ? command.grant.expiresAt
          : command.op === "entitle"
            ? command.until
            : undefined
    return end !== undefined && end <= now
  })

const walletOf = async (performer: Performer, account: string): Promise<WalletAnswer> => {
  const reply = await performer.asking.ledger({ op: "wallet", account })
  if ("refused" in reply) throw new NotAnswered("ledger", reply.refused.detail)
  return reply.ok as WalletAnswer
}

/** Done by an earlier try whose commands were others: what it left is in the wallet. */
const doneBefore = async (performer: Performer, account: string, work: LedgerWork): Promise<Outcome> => {
  const wallet = await walletOf(performer, account)
  const lotId = wallet.lots.find((lot) => lot.cause === work.lot)?.id ?? null
  return { kind: "ledger", lotId, seq: wallet.seq }
}

/** Asks; when the old lot of an exchange has expired, once more with what expired of it as taken back (R4.3). */
const askLedger = async (
  performer: Performer,
  account: string,
  work: LedgerWork,
): Promise<{ readonly reply: Awaited<ReturnType<Asking["ledger"]>>; readonly commands: LedgerWork["commands"] }> => {
  const group = (commands: LedgerWork["commands"]) =>
    performer.asking.ledger({ op: "group", id: work.id, account, commands })
  const lasting = whileItLasts(work)
  const reply = await group(lasting)
  const { oldLot } = work
  if (oldLot === null || !("refused" in reply) || reply.refused.field !== "fromExpiresAt") {
    return { reply, commands: lasting }
  }
  const commands = afterExpiry(work.commands, await expiredOf(performer, account, oldLot))
  return { reply: await group(commands), commands }
}

const tellLedger = async (performer: Performer, step: StepOf<"ledger">): Promise<Outcome> => {
  const { work } = step
  const { account } = work.commands[0]!
  const { reply, commands } = await askLedger(performer, account, work)
  if ("ok" in reply) {
    const { answers } = reply.ok as GroupAnswer
    const opened = answers.find((answer) => "lotId" in (answer as object)) as LotAnswer | ExchangeAnswer | undefined
    const seq = answers.reduce((last, answer) => Math.max(last, (answer as Partial<DoneAnswer>).seq ?? 0), 0)
    return { kind: "ledger", lotId: work.lot === null ? null : (opened?.lotId ?? null), seq }
  }
  const { code } = reply.refused
  // Only this service uses its ids.
  if (code === "id_conflict") return doneBefore(performer, account, work)
  if (code === "lot_not_found") return { kind: "ledger", lotId: null, seq: 0 }
  if (code === "invalid" && isTooLate(commands, performer.now())) {
    performer.report("error", `${work.id} came too late for the ledger and was left out: ${reply.refused.detail}`)
    return { kind: "ledger", lotId: null, seq: 0 }
  }
  throw unforeseen(performer, step, reply.refused)
}

export const perform = async (performer: Performer, step: Step): Promise<Outcome> => {
  switch (step.kind) {
    case "method": {
      const method = await askPayments<MethodView | null>(performer, step, { op: "method", account: step.account })
      return { kind: "method", hasMethod: method !== null }
    }
    case "charge":
      return charge(performer, step)
    case "close": {
      const { account, obligation } = step
      const answer = await askPayments<CloseAnswer>(performer, step, { op: "charge-close", account, obligation })
      return { kind: "closed", status: answer.status }
    }
    case "look": {
      const { account, chargeId } = step
      const view = await askPayments<ChargeView>(performer, step, { op: "charge-show", account, chargeId })
      return { kind: "charge", charge: view }
    }
    case "ledger":
      return tellLedger(performer, step)
    case "evidence": {
      const { account } = step
      const request = { op: "charge-list", account, limit: CASE_CHARGES } as const
      const page = await askPayments<ChargePage>(performer, step, request)
      return { kind: "evidence", evidence: evidenceOf(step.chargeId, page.items) }
    }
  }
}
