/**
 * Dispatch: a decoded command to its decision. Pure. A group is all or nothing: it is tried on a copy first.
 */
import type { Instant } from "@credits/kernel"
import type { Account } from "./account.ts"
import { decideAuthorize, decideExtend, decideRelease } from "./authorize.ts"
import { decideReverse, type ChargedEntry } from "./charge.ts"
import type { WriteCommand } from "./command.ts"
import { decideEntitle, decideFreeze, decideMark } from "./entitlement.ts"
import type { Entry } from "./entry.ts"
import { decideExchange } from "./exchange.ts"
import { decideAdjust, decideGrant, decideRevoke } from "./grant.ts"
import { answered, refused, type Context, type Outcome } from "./outcome.ts"
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts"

const from = (instant: Instant | null, now: Instant): Instant => instant ?? now

const decideOne = (
  account: Account,
  command: WriteCommand,
  ctx: Context,
  entries: Array<Entry>,
  charge: ChargedEntry | null,
): Outcome => {
  switch (command.op) {
    case "authorize":
      return decideAuthorize(account, command, ctx, entries)
    case "extend":
      return decideExtend(account, command, ctx, entries)
    case "release":
      return decideRelease(account, command, ctx, entries)
    case "grant":
      return decideGrant(account, command, ctx, entries)
    case "revoke":
      return decideRevoke(account, command, ctx, entries)
    case "adjust":
      return decideAdjust(account, command, ctx, entries)
    case "reverse":
      // Requests of one commit are prepared together: whoever comes second cannot have seen the first one's reversal.
      if (charge !== null && account.n !== charge.asOf)
        return refused("overloaded", "the account has just changed; ask again", { retryAfter: 0 })
      return decideReverse(account, charge, command, ctx, entries)
    case "entitle": {
      const entitlement = { ...command.entitlement, from: from(command.entitlement.from, ctx.now) }
      return decideEntitle(account, { id: command.id, entitlement, reason: command.reason }, ctx, entries)
    }
    case "freeze":
    case "unfreeze":
      return decideFreeze(
        account,
        { id: command.id, reason: command.reason, freeze: command.op === "freeze" },
        ctx,
        entries,
      )
    case "mark":
      return decideMark(account, command, ctx, entries)
    case "exchange":
      return decideExchange(account, command, ctx, entries)
    case "group":
      return decideGroup(account, command.commands, ctx, entries)
  }
}

/**
 * R4.3: all or nothing, in order. A refusal of any leaves the account untouched; ids are drawn once so both runs are
 * equal.
 */
const decideGroup = (
  account: Account,
  commands: ReadonlyArray<WriteCommand>,
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const lotIds: Array<string> = []
  const trial = decodeSnapshot(account.id, encodeSnapshot(account))
  const drawing = { ...ctx, newLotId: () => lotIds[lotIds.push(ctx.newLotId()) - 1]! }
  for (const command of commands) {
    const outcome = decideOne(trial, command, drawing, [], null)
    if (outcome._tag !== "answered") return outcome
  }
  let next = 0
  const replaying = { ...ctx, newLotId: () => lotIds[next++]! }
  const answers: Array<unknown> = []
  for (const command of commands) {
    const outcome = decideOne(account, command, replaying, entries, null)
    if (outcome._tag === "answered") answers.push(outcome.answer)
  }
  return answered({ answers })
}

export const decide = decideOne
