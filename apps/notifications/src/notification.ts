/**
 * A notification: something that happened to an account, told once (R11). Pure. Owns its identity: the cause makes the
 * id, so that hearing of the same cause again, in any order and after any crash, is the same notification.
 */
import { createHash } from "node:crypto"
import type { NotificationData, NotificationKind } from "@credits/contracts"
import { formatInstant, formatUsd, makeId, NANO_PER_CENT, type Instant } from "@credits/kernel"

/** What was heard, before it is known whether it was told already. */
export type Notice = {
  readonly [Kind in NotificationKind]: {
    readonly kind: Kind
    readonly account: string
    /** When it happened, business time. */
    readonly at: Instant
    /** Unique for what happened, for ever: no second row has it. */
    readonly cause: string
    readonly data: NotificationData[Kind]
  }
}[NotificationKind]

/** Ten bytes of a hash stand where other ids have randomness. */
export const notificationId = ({ at, cause }: Pick<Notice, "at" | "cause">): string =>
  makeId("ntf", at, createHash("sha256").update(cause).digest().subarray(0, 10))

export const usdOfCents = (cents: number): string => formatUsd(BigInt(cents) * NANO_PER_CENT)
export const textOf = (at: Instant | null): string | null => (at === null ? null : formatInstant(at))
