/**
 * The one insert that makes notifications: they and what is to be sent of them go into the transaction that moves the
 * streams' cursors, and a cause that is there already changes nothing. Many notices are written with a few statements:
 * at a boundary of many accounts they come by the thousand.
 */
import { NOTIFICATION_KINDS } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { inList, insertRows, type Dialect, type Target } from "@credits/store"
import type { Transaction } from "kysely"
import { notificationId, type Notice } from "./notification.ts"
import { wantedOf, type Preferences, type Wanted } from "./preference.ts"
import type { Tables } from "./schema.ts"

/** What happened longer ago than this is written down and not sent: a stream that is read again mails nobody anew. */
export const SENT_WITHIN_MS = 3 * 86_400_000

/** Clocks beside a commit: the business's, and real time for what is sent. */
export interface Times {
  readonly business: Instant
  readonly real: number
}

const NOTIFICATIONS: Target = {
  table: "notification",
  columns: ["id", "cause", "account", "at", "kind", "data", "hidden"],
  conflict: "on conflict do nothing returning id, seq",
}
const UNTOLD: Target = { table: "untold", columns: ["seq"], conflict: "" }
const MAILS: Target = {
  table: "mail",
  columns: ["notification", "state", "attempts", "made_at", "due_at"],
  conflict: "",
}
const DELIVERIES: Target = {
  table: "webhook_delivery",
  columns: ["webhook", "notification", "state", "attempts", "due_at"],
  conflict: "",
}

/** Accounts a look-up names. */
const NOTICES_AT_ONCE = 512

/** A notice with its identity and where its customer wants it. */
interface Addressed {
  readonly id: string
  readonly notice: Notice
  readonly wanted: Wanted
}

const NOTHING_SET: Preferences = new Map()

const accountsOf = (notices: ReadonlyArray<Notice>): ReadonlyArray<string> =>
  inList([...new Set(notices.map(({ account }) => account))])

class Writing {
  readonly #db: Transaction<Tables>
  readonly #dialect: Dialect
  readonly #times: Times

  constructor(db: Transaction<Tables>, dialect: Dialect, times: Times) {
    this.#db = db
    this.#dialect = dialect
    this.#times = times
  }

  /** How many were new. */
  async write(notices: ReadonlyArray<Notice>): Promise<number> {
    const all = await this.#addressed(notices)
    const places = await this.#insert(all)
    const fresh = all.filter(({ id }) => places.has(id))
    const shown = fresh.filter(({ wanted }) => wanted.inApp)
    await this.#rows(
      UNTOLD,
      shown.map(({ id }) => [places.get(id)!]),
    )
    const { business } = this.#times
    const recent = fresh.filter(({ notice }) => business - notice.at <= SENT_WITHIN_MS)
    await this.#mail(recent.filter(({ wanted }) => wanted.email))
    await this.#hook(recent)
    return fresh.length
  }

  #rows<Returned>(target: Target, rows: ReadonlyArray<ReadonlyArray<unknown>>): Promise<ReadonlyArray<Returned>> {
    return insertRows(this.#db, this.#dialect, target, rows)
  }

  /** A cause that comes twice is told once, as it came first. */
  async #addressed(notices: ReadonlyArray<Notice>): Promise<ReadonlyArray<Addressed>> {
    const preferences = await this.#preferences(accountsOf(notices))
    const all = new Map<string, Addressed>()
    for (const notice of notices) {
      const id = notificationId(notice)
      const wanted = wantedOf(preferences.get(notice.account) ?? NOTHING_SET, NOTIFICATION_KINDS[notice.kind])
      if (!all.has(id)) all.set(id, { id, notice, wanted })
    }
    return [...all.values()]
  }

  async #preferences(accounts: ReadonlyArray<string>): Promise<ReadonlyMap<string, Preferences>> {
    const rows = await this.#db.selectFrom("preference").selectAll().where("account", "in", accounts).execute()
    const found = new Map<string, Map<string, Wanted>>()
    for (const { account, grp, in_app: inApp, email } of rows) {
      const groups = found.get(account) ?? new Map<string, Wanted>()
      found.set(account, groups.set(grp, { inApp: inApp === 1, email: email === 1 }))
    }
    return found
  }

  /** In their order; answers the places of those that were new. */
  async #insert(all: ReadonlyArray<Addressed>): Promise<ReadonlyMap<string, bigint>> {
    const rows = all.map(({ id, notice: { kind, account, at, cause, data }, wanted }) => [
      id,
      cause,
      account,
      BigInt(at),
      kind,
      JSON.stringify(data),
      wanted.inApp ? 0 : 1,
    ])
    const written = await this.#rows<{ readonly id: string; readonly seq: bigint | number }>(NOTIFICATIONS, rows)
    return new Map(written.map(({ id, seq }) => [id, BigInt(seq)]))
  }

  async #mail(all: ReadonlyArray<Addressed>): Promise<void> {
    if (all.length === 0) return
    const accounts = accountsOf(all.map(({ notice }) => notice))
    const contacts = await this.#db.selectFrom("contact").select("account").where("account", "in", accounts).execute()
    const reachable = new Set(contacts.map(({ account }) => account))
    const now = BigInt(this.#times.real)
    const mails = all
      .filter(({ notice }) => reachable.has(notice.account))
      .map(({ id }) => [id, "waiting", 0, now, now])
    await this.#rows(MAILS, mails)
  }

  async #hook(all: ReadonlyArray<Addressed>): Promise<void> {
    if (all.length === 0) return
    const endpoints = await this.#db
      .selectFrom("webhook")
      .select(["id", "events"])
      .where("status", "=", "enabled")
      .execute()
    const now = BigInt(this.#times.real)
    for (const { id: endpoint, events } of endpoints) {
      const kinds = events === null ? null : new Set(JSON.parse(events) as ReadonlyArray<string>)
      const wanted = all.filter(({ notice }) => kinds === null || kinds.has(notice.kind))
      await this.#rows(
        DELIVERIES,
        wanted.map(({ id }) => [endpoint, id, "waiting", 0, now]),
      )
    }
  }
}

/** In the transaction that moves the cursors. Answers how many were new. */
export const writeNotices = async (
  db: Transaction<Tables>,
  dialect: Dialect,
  notices: ReadonlyArray<Notice>,
  times: Times,
): Promise<number> => {
  const writing = new Writing(db, dialect, times)
  let written = 0
  for (let from = 0; from < notices.length; from += NOTICES_AT_ONCE)
    written += await writing.write(notices.slice(from, from + NOTICES_AT_ONCE))
  return written
}
