/**
 * What survives a kill: objects, events, the book, idempotency keys and webhooks still to be delivered, in one SQLite
 * file (or in memory, for tests). The text of an object's version is written once; the object, events and answers point
 * at it. Writes of one turn of the event loop are one transaction, and no answer leaves before
 * the commit that it depends on. synchronous = NORMAL: a commit is in the operating system's hands before the answer
 * and outlives every process; only a power cut can take the last second's, and play money may be lost to that.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { type BookEntry, type Kind, PREFIX } from "./object.ts"
import type { Page, Scan } from "./listing.ts"
import { scanPage } from "./listing.ts"
import { LogFlush } from "./log-flush.ts"
import { type Changes, eventText, type Reader, type StoredObject } from "./work.ts"

/** Raised when the tables change; a newer file is refused. */
const SCHEMA_VERSION = 1
const PAGE_BYTES = 8_192
/**
 * A checkpoint flushes the disk and nobody is answered meanwhile (100 ms and more beside other writers): it waits for a
 * pause in the commits, or for 256 MB of log, which a start after a kill has to read.
 */
const CHECKPOINT_PAUSE_MS = 250
const WAL_CHECKPOINT_PAGES = 32_000
const CACHE_KIB = 64 * 1024
/** Objects in memory, used last: a request finds the intent, card and charge it is about without the file. */
const OBJECTS_KEPT_MAX = 4_096

const SCHEMA = `
  CREATE TABLE versions (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE objects (
    id TEXT PRIMARY KEY, created INTEGER NOT NULL, customer TEXT, link TEXT, version INTEGER NOT NULL, card TEXT
  ) WITHOUT ROWID;
  CREATE INDEX objects_customer ON objects (customer, id) WHERE customer IS NOT NULL;
  CREATE INDEX objects_link ON objects (link, id) WHERE link IS NOT NULL;
  CREATE TABLE events (
    id TEXT PRIMARY KEY, created INTEGER NOT NULL, type TEXT NOT NULL, head TEXT NOT NULL, version INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE webhooks (event TEXT PRIMARY KEY, failed INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE book (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE keys (
    key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, parameters TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT, version INTEGER, request TEXT NOT NULL, at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX keys_at ON keys (at);
  CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`

/** The text of a row's version. Not as a join: the driver takes 30 µs for a joined row and 5 for this. */
const BODY = "(SELECT body FROM versions WHERE number = version) AS body"

/** The answer to a request, kept under its key. */
export interface StoredAnswer {
  readonly key: string
  /** Method and path. */
  readonly endpoint: string
  /** The parameters' canonical text. */
  readonly parameters: string
  readonly status: number
  readonly body: string
  /** The request that was answered first. */
  readonly request: string
  /** Business time (ms). */
  readonly at: number
}

/** An answer to keep. One that is an object's text points at it. */
export type AnswerToKeep = Omit<StoredAnswer, "body"> & { readonly body: string | { readonly version: number } }

export interface DeliverableEvent {
  readonly id: string
  readonly type: string
  /** JSON. */
  readonly body: string
}

export class SandboxFileTooNew extends Error {
  constructor(file: string, version: number) {
    super(`${file} has schema version ${version}; this program knows ${SCHEMA_VERSION}`)
    this.name = "SandboxFileTooNew"
  }
}

/** Two processors on one folder would each believe in their own money. */
export class SandboxFolderInUse extends Error {
  constructor(dataDir: string) {
    super(`another sandbox processor uses ${dataDir}`)
    this.name = "SandboxFolderInUse"
  }
}

/** How long a start waits for a predecessor that is still closing. */
const PREDECESSOR_MS = 2_000

const open = (dataDir: string | undefined): BetterSqlite3.Database => {
  if (dataDir === undefined) return new BetterSqlite3(":memory:")
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, "sandbox-processor.sqlite")
  const sqlite = new BetterSqlite3(file, { timeout: PREDECESSOR_MS })
  try {
    // One process owns the file; that also spares every read its locks.
    sqlite.pragma("locking_mode = EXCLUSIVE")
    const version = Number(sqlite.pragma("user_version", { simple: true }))
    if (version > SCHEMA_VERSION) throw new SandboxFileTooNew(file, version)
    return sqlite
  } catch (error) {
    sqlite.close()
    const isBusy = error instanceof BetterSqlite3.SqliteError && error.code.startsWith("SQLITE_BUSY")
    throw isBusy ? new SandboxFolderInUse(dataDir) : error
  }
}

export class Store implements Reader {
  readonly #sqlite: BetterSqlite3.Database
  readonly #statements = new Map<string, BetterSqlite3.Statement>()
  readonly #kept = new Map<string, StoredObject>()
  #isOpen = false
  #waiting: Array<() => void> = []
  /** Events that arrived; their rows go with the next commit. One that is sent again after a kill harms nobody. */
  #delivered: Array<string> = []
  #nextVersion: number
  #commits = 0
  #commitsSeen = 0
  #commitsInFile = 0
  readonly #pauses: NodeJS.Timeout
  readonly #logFlush: LogFlush | undefined

  constructor(dataDir: string | undefined) {
    this.#sqlite = open(dataDir)
    this.#sqlite.pragma(`page_size = ${PAGE_BYTES}`)
    this.#sqlite.pragma("journal_mode = WAL")
    this.#sqlite.pragma("synchronous = NORMAL")
    this.#sqlite.pragma(`wal_autocheckpoint = ${WAL_CHECKPOINT_PAGES}`)
    this.#sqlite.pragma(`cache_size = -${CACHE_KIB}`)
    if (Number(this.#sqlite.pragma("user_version", { simple: true })) === 0) {
      this.#sqlite.transaction(() => this.#sqlite.exec(SCHEMA))()
    }
    const { last } = this.#statement("SELECT COALESCE(MAX(number), 0) AS last FROM versions").get() as { last: number }
    this.#nextVersion = last + 1
    this.#pauses = setInterval(() => this.#checkpointInPause(), CHECKPOINT_PAUSE_MS)
    this.#pauses.unref()
    if (dataDir !== undefined) this.#logFlush = new LogFlush(`${this.#sqlite.name}-wal`, () => this.#commits)
  }

  #forgetDelivered(): void {
    const events = this.#delivered
    this.#delivered = []
    for (const event of events) this.#run("DELETE FROM webhooks WHERE event = ?", event)
  }

  #checkpointInPause(): void {
    this.#forgetDelivered()
    const isPause = !this.#isOpen && this.#commits === this.#commitsSeen
    this.#commitsSeen = this.#commits
    if (!isPause || this.#commits === this.#commitsInFile) return
    this.#commitsInFile = this.#commits
    this.#sqlite.pragma("wal_checkpoint(PASSIVE)")
  }

  #statement(sql: string): BetterSqlite3.Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const made = this.#sqlite.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }

  #run(sql: string, ...values: ReadonlyArray<unknown>): void {
    if (!this.#isOpen) {
      this.#statement("BEGIN IMMEDIATE").run()
      this.#isOpen = true
      setImmediate(() => this.flush())
    }
    this.#statement(sql).run(...values)
  }

  /** Runs when everything written so far is committed; at once when it is. */
  afterCommit(then: () => void): void {
    if (this.#isOpen) this.#waiting.push(then)
    else then()
  }

  /** A failed commit ends the process: nobody was answered, and memory holds nothing that a restart would miss. */
  flush(): void {
    if (!this.#isOpen) return
    this.#forgetDelivered()
    this.#statement("COMMIT").run()
    this.#isOpen = false
    this.#commits += 1
    const waiting = this.#waiting
    this.#waiting = []
    for (const then of waiting) then()
  }

  /** The whole database as a file's bytes, for backups: nobody else can read a file that is locked for one process. */
  copy(): Buffer {
    this.flush()
    return this.#sqlite.serialize()
  }

  close(): void {
    clearInterval(this.#pauses)
    this.#logFlush?.close()
    this.#forgetDelivered()
    this.flush()
    this.#sqlite.close()
  }

  object(id: string): StoredObject | undefined {
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    const sql = `SELECT ${BODY}, card FROM objects WHERE id = ?`
    const stored = this.#statement(sql).get(id) as StoredObject | undefined
    if (stored !== undefined) this.#keep(id, stored)
    return stored
  }

  #keep(id: string, stored: StoredObject): void {
    this.#kept.delete(id)
    this.#kept.set(id, stored)
    if (this.#kept.size > OBJECTS_KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!)
  }

  bookEntry(id: string): BookEntry | undefined {
    const row = this.#statement("SELECT body FROM book WHERE id = ?").get(id) as { body: string } | undefined
    return row === undefined ? undefined : (JSON.parse(row.body) as BookEntry)
  }

  /** Charges in the book: what a long watch looks at instead of the whole of it. */
  bookCount(): number {
    return (this.#statement("SELECT count(*) AS count FROM book").get() as { count: number }).count
  }

  book(): ReadonlyArray<BookEntry> {
    const rows = this.#statement("SELECT body FROM book ORDER BY id").all() as Array<{ body: string }>
    return rows.map(({ body }) => JSON.parse(body) as BookEntry)
  }

  linked(kind: Kind, link: string): ReadonlyArray<string> {
    const sql = "SELECT id FROM objects WHERE link = ? AND id LIKE ? ORDER BY id DESC"
    return (this.#statement(sql).all(link, `${PREFIX[kind]}%`) as Array<{ id: string }>).map(({ id }) => id)
  }

  event(id: string): string | undefined {
    const sql = `SELECT head, ${BODY} FROM events WHERE id = ?`
    const row = this.#statement(sql).get(id) as { head: string; body: string } | undefined
    return row === undefined ? undefined : eventText(row.head, row.body)
  }

  list(scan: Scan): Page {
    this.#forgetDelivered()
    return scanPage((sql, ...values) => this.#statement(sql).iterate(...values), scan)
  }

  /** @returns the number of the first version that was written */
  apply(changes: Changes): number {
    const first = this.#nextVersion
    for (const body of changes.versions) {
      this.#run("INSERT INTO versions (number, body) VALUES (?, ?)", this.#nextVersion, body)
      this.#nextVersion += 1
    }
    for (const { id, object, created, customer, link, version, card } of changes.objects) {
      const sql =
        "INSERT INTO objects (id, created, customer, link, version, card) VALUES (?, ?, ?, ?, ?, ?) " +
        "ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, version = excluded.version, card = excluded.card"
      this.#run(sql, id, created, customer, link, first + version, card)
      this.#keep(id, { body: changes.versions[version]!, card, object })
    }
    for (const { id, created, type, head, version, isDelivered } of changes.events) {
      const sql = "INSERT INTO events (id, created, type, head, version) VALUES (?, ?, ?, ?, ?)"
      this.#run(sql, id, created, type, head, first + version)
      if (isDelivered) this.#run("INSERT INTO webhooks (event, failed) VALUES (?, 0)", id)
    }
    for (const entry of changes.booked) {
      const sql = "INSERT INTO book (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
      this.#run(sql, entry.id, JSON.stringify(entry))
    }
    return first
  }

  answer(key: string): StoredAnswer | undefined {
    const sql =
      "SELECT key, endpoint, parameters, status, request, at, " +
      "COALESCE(body, (SELECT body FROM versions WHERE number = version)) AS body FROM keys WHERE key = ?"
    return this.#statement(sql).get(key) as StoredAnswer | undefined
  }

  keepAnswer({ key, endpoint, parameters, status, body, request, at }: AnswerToKeep): void {
    const sql =
      "INSERT OR REPLACE INTO keys (key, endpoint, parameters, status, body, version, request, at) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    const [own, version] = typeof body === "string" ? [body, null] : [null, body.version]
    this.#run(sql, key, endpoint, parameters, status, own, version, request, at)
  }

  forgetAnswersUntil(atMs: number): void {
    this.#run("DELETE FROM keys WHERE at <= ?", atMs)
  }

  /** Events that wait for delivery after this id, oldest first. */
  undelivered(afterId: string, limit: number): ReadonlyArray<DeliverableEvent> {
    const sql =
      "SELECT e.id, e.type, e.head, v.body FROM webhooks w JOIN events e ON e.id = w.event " +
      "JOIN versions v ON v.number = e.version WHERE w.failed = 0 AND w.event > ? ORDER BY w.event LIMIT ?"
    const rows = this.#statement(sql).all(afterId, limit) as Array<DeliverableEvent & { head: string }>
    return rows.map(({ id, type, head, body }) => ({ id, type, body: eventText(head, body) }))
  }

  /** Written with the next commit, whoever's it is, at the latest with the next pause. */
  delivered(event: string): void {
    this.#delivered.push(event)
  }

  deliveryFailed(event: string): void {
    this.#run("UPDATE webhooks SET failed = 1 WHERE event = ?", event)
  }

  fact(name: string): number | undefined {
    const row = this.#statement("SELECT value FROM facts WHERE name = ?").get(name) as { value: number } | undefined
    return row?.value
  }

  setFact(name: string, value: number): void {
    this.#run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value)
  }

  /** The last id given out, without its prefix; "" for none. */
  lastId(): string {
    const last = (table: string, prefix: string): string => {
      const sql = `SELECT id FROM ${table} WHERE id LIKE ? ORDER BY id DESC LIMIT 1`
      const row = this.#statement(sql).get(`${prefix}%`) as { id: string } | undefined
      return row === undefined ? "" : row.id.slice(prefix.length)
    }
    const ids = Object.entries(PREFIX).map(([kind, prefix]) => last(kind === "event" ? "events" : "objects", prefix))
    return ids.sort().at(-1) ?? ""
  }
}
