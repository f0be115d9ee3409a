/**
 * What the databases say after everything came to rest, compared with what the gateway knows it handed in. Reads the
 * services' own files read-only; owns the comparison and the sentences it makes of differences.
 */
import { spawn } from "node:child_process"
import { join, resolve } from "node:path"
import { entriesOf, type NewBlock, type StoredEntry } from "@credits/actor"
import type { EntryBody } from "@credits/contracts"
import type { Nano } from "@credits/kernel"
import { openSqliteFile } from "@credits/store"
import type { Accepted } from "./gateway-load.ts"

const REPOSITORY = resolve(import.meta.dirname, "../..")
const DIFFERENCES_MAX = 20

/** What is in the ledger's tables, whichever database they are in. */
export interface Books {
  readonly blocks: ReadonlyArray<NewBlock>
  readonly floors: ReadonlyMap<number, number>
  /** By account: address of the newest entry its snapshot holds. */
  readonly heads: ReadonlyMap<string, number>
}

type Row = Readonly<Record<string, unknown>>

/** Reads them through `rows`, which runs one statement. */
export const readBooks = async (rows: (sql: string) => Promise<ReadonlyArray<Row>>): Promise<Books> => ({
  blocks: (await rows("SELECT id, partition, seq, count, chain, text FROM entry_block ORDER BY id")).map((row) => ({
    ...(row as unknown as NewBlock),
    id: Number(row["id"]),
    seq: Number(row["seq"]),
  })),
  floors: new Map(
    (await rows("SELECT id, floor FROM partition")).map((row) => [Number(row["id"]), Number(row["floor"])]),
  ),
  heads: new Map(
    (await rows("SELECT account, head FROM snapshot")).map((row) => [String(row["account"]), Number(row["head"])]),
  ),
})

/** The ledger's SQLite file. */
export const booksIn = async (dataDir: string): Promise<Books> => {
  const db = openSqliteFile(join(dataDir, "ledger.db"), { readonly: true })
  try {
    return await readBooks(async (sql) => db.prepare(sql).all() as ReadonlyArray<Row>)
  } finally {
    db.close()
  }
}

export const entriesOfBooks = ({ blocks }: Books): ReadonlyArray<StoredEntry> => blocks.flatMap(entriesOf)

/** A start reads snapshots and the entries from the floor on: an entry in neither would be missing from its account. */
export const unreachableEntries = ({ blocks, floors, heads }: Books): ReadonlyArray<string> =>
  blocks
    .filter(({ id, partition }) => id < floors.get(partition)!)
    .flatMap((block) =>
      entriesOf(block)
        .filter(({ account, id }) => id > (heads.get(account) ?? 0))
        .map(({ account, id }) => `entry ${id} of ${account} is below its partition's floor and in no snapshot`),
    )

interface Shown {
  readonly calls: number
  readonly byokCalls: number
  readonly cost: Nano
}

/** Pricing's usage projection, summed by account. */
const shownIn = (dataDir: string): ReadonlyMap<string, Shown> => {
  const db = openSqliteFile(join(dataDir, "pricing.db"), { readonly: true })
  try {
    const rows = db
      .prepare(
        `SELECT account, sum(calls) AS calls, sum(cost) AS cost, sum(byok_calls) AS byok
         FROM usage_rollup GROUP BY account`,
      )
      .safeIntegers(true)
      .all() as ReadonlyArray<{ account: string; calls: bigint; cost: bigint; byok: bigint }>
    return new Map(
      rows.map((row) => [row.account, { calls: Number(row.calls), byokCalls: Number(row.byok), cost: row.cost }]),
    )
  } finally {
    db.close()
  }
}

/** Each hold is opened once and ended once: a hold without an end leaks, one with two ends pays twice. */
const holdDifferences = (entries: ReadonlyArray<StoredEntry>): ReadonlyArray<string> => {
  const held = new Map<string, Nano>()
  const ended = new Set<string>()
  const found: Array<string> = []
  for (const { kind, body } of entries) {
    const { hold, held: change } = body as EntryBody & {
      readonly hold?: { readonly id: string; readonly amount: string }
    }
    if (hold === undefined) continue
    const now = (held.get(hold.id) ?? 0n) + BigInt(change ?? "0")
    held.set(hold.id, now)
    if (now !== BigInt(hold.amount))
      found.push(`hold ${hold.id}: ${now} is held after ${kind}, its entry says ${hold.amount}`)
    if (BigInt(hold.amount) !== 0n) continue
    if (ended.has(hold.id)) found.push(`hold ${hold.id} ended twice, again by ${kind}`)
    ended.add(hold.id)
  }
  for (const [id, amount] of held) if (amount !== 0n || !ended.has(id)) found.push(`hold ${id} still holds ${amount}`)
  return found
}

const chargeDifferences = (
  accepted: ReadonlyMap<string, Accepted>,
  entries: ReadonlyArray<StoredEntry>,
): ReadonlyArray<string> => {
  const found: Array<string> = []
  const charges = new Map<string, number>()
  for (const { kind, account, body } of entries) {
    if (kind !== "charged") continue
    const { cause, spent } = body as EntryBody
    const event = accepted.get(cause ?? "")
    charges.set(cause ?? "", (charges.get(cause ?? "") ?? 0) + 1)
    if (event === undefined) found.push(`${cause} was charged and never accepted`)
    else if (event.mode === "byok") found.push(`${cause} is a BYOK call and was charged`)
    else if (event.account !== account || event.cost !== BigInt(spent ?? "0"))
      found.push(`${cause} was charged ${spent ?? 0} to ${account}, it costs ${event.cost} and is ${event.account}'s`)
  }
  for (const [id, { mode }] of accepted) {
    const count = charges.get(id) ?? 0
    if (mode === "hosted" && count !== 1) found.push(`${id} was accepted and is charged ${count} times`)
  }
  return found
}

/** What people are shown as their usage equals what was accepted and deducted. */
const projectionDifferences = (
  accepted: ReadonlyMap<string, Accepted>,
  shown: ReadonlyMap<string, Shown>,
): ReadonlyArray<string> => {
  const expected = new Map<string, { calls: number; byokCalls: number; cost: Nano }>()
  for (const { account, mode, cost } of accepted.values()) {
    const sum = expected.get(account) ?? { calls: 0, byokCalls: 0, cost: 0n }
    if (mode === "byok") sum.byokCalls += 1
    else sum.calls += 1
    sum.cost += cost
    expected.set(account, sum)
  }
  return [...expected].flatMap(([account, want]) => {
    const have = shown.get(account)
    const same = have?.calls === want.calls && have.byokCalls === want.byokCalls && have.cost === want.cost
    if (same) return []
    const has = have === undefined ? "nothing" : `${have.calls} calls, ${have.byokCalls} BYOK, ${have.cost}`
    return [`usage of ${account} shows ${has}; it was ${want.calls}, ${want.byokCalls}, ${want.cost}`]
  })
}

export interface Verdict {
  readonly ok: boolean
  readonly problems: ReadonlyArray<string>
  readonly charges: number
}

/** `ledger verify` as its own process (I1, I10, the hash chains). */
export const verifyLedger = (env: Readonly<Record<string, string>>): Promise<Verdict> =>
  new Promise((done, reject) => {
    const child = spawn(process.execPath, [join(REPOSITORY, "apps/ledger/dist/verify.js")], {
      env: { ...process.env, CREDITS_DATABASE_URL: "", ...env },
      stdio: ["ignore", "pipe", "ignore"],
    })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    child.once("error", reject)
    child.once("close", () => {
      try {
        done(JSON.parse(text) as Verdict)
      } catch {
        reject(new Error(`ledger verify said: ${text}`))
      }
    })
  })

export interface WalletFigures {
  readonly spent: Nano
  readonly held: Nano
  readonly holds: number
}

/** Everything that is not as it must be, as sentences; none when all is well. */
export const differences = async (
  dataDir: string,
  accepted: ReadonlyMap<string, Accepted>,
  wallets: ReadonlyMap<string, WalletFigures>,
): Promise<ReadonlyArray<string>> => {
  const books = await booksIn(dataDir)
  const entries = entriesOfBooks(books)
  const spent = new Map<string, Nano>()
  for (const { account, cost } of accepted.values()) spent.set(account, (spent.get(account) ?? 0n) + cost)
  const verdict = await verifyLedger({ CREDITS_DATA_DIR: dataDir })
  const found = [
    ...chargeDifferences(accepted, entries),
    ...holdDifferences(entries),
    ...unreachableEntries(books),
    ...projectionDifferences(accepted, shownIn(dataDir)),
    ...(verdict.ok ? [] : verdict.problems.map((problem) => `ledger verify: ${problem}`)),
    ...[...wallets].flatMap(([account, wallet]) => {
      const want = spent.get(account) ?? 0n
      const problems =
        wallet.spent === want ? [] : [`${account} spent ${wallet.spent}, its accepted events cost ${want}`]
      return wallet.held === 0n && wallet.holds === 0
        ? problems
        : [...problems, `${account} still holds ${wallet.held}`]
    }),
  ]
  return found.slice(0, DIFFERENCES_MAX)
}
