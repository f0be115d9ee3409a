/**
 * Postgres pools: one schema per service, integers typed as in `sqlite.ts`, durability asserted, nobody waited for
 * without an end.
 */
import { Socket } from "node:net"
import { PostgresDialect } from "kysely"
import { Client, type CustomTypesConfig, Pool, types as standardTypes } from "pg"
import { StoreFailed, StoreNotDurable } from "./errors.ts"

export interface PostgresOptions {
  readonly databaseUrl: string
  /** The schema that holds everything of a service; also shown as application name. */
  readonly service: string
  /** Connections held at most (default 8). */
  readonly connectionsMax?: number
  /** After so long without a byte a connection is given up (default 30 s); null: a statement may take any time. */
  readonly silenceMaxMs?: number | null
}

const CONNECTIONS_MAX = 8
const CONNECT_TIMEOUT_MS = 10_000
/**
 * A connection that broke without the server's hearing of it would keep its transaction, and with it the row of the
 * owner's lease, until TCP gives up: hours in which nobody could commit, this process and the next owner alike.
 */
const IDLE_IN_TRANSACTION_MS = 10_000
/**
 * A network that swallows packets tells neither end: who waits for an answer then would wait for ever. Longer than a
 * statement that waits for the row of such a connection, which the server ends after `IDLE_IN_TRANSACTION_MS`, and than
 * a slow checkpoint.
 */
const SILENCE_MAX_MS = 30_000
/** A server that is gone is noticed also where a statement may take any time: Node repeats each second, ten times. */
const KEEP_ALIVE_MS = 10_000

/** Object ids of types in pg_type. */
const INT8 = 20
const NUMERIC = 1700

/** `sum(bigint)` is numeric in Postgres; our schema holds no fractions, so whole numbers are bigint as in SQLite. */
const parseNumeric = (text: string): bigint | string => (/^-?\d+$/.test(text) ? BigInt(text) : text)

const types = {
  getTypeParser: (oid: number, format?: "text" | "binary"): unknown => {
    if (oid === INT8) return (text: string) => BigInt(text)
    if (oid === NUMERIC) return parseNumeric
    const standard = standardTypes.getTypeParser as (oid: number, format?: string) => unknown
    return standard(oid, format)
  },
} as CustomTypesConfig

/** Pools whose statements may take any time now, by how many say so. */
const unhurried = new WeakMap<Pool, number>()

/** A connection that fell silent is destroyed: in the pool, the next one to ask would wait for it too. */
const watchSilence = (socket: Socket, silenceMaxMs: number, isUnhurried: () => boolean): void => {
  socket.setTimeout(silenceMaxMs)
  socket.on("timeout", () => {
    if (isUnhurried()) socket.setTimeout(silenceMaxMs)
    else socket.destroy(new Error(`connection terminated: Postgres was silent for ${silenceMaxMs} ms`))
  })
}

/** Runs what may take any time, a migration say: meanwhile only a server that is gone is noticed. */
export const unhurriedly = async <A>(pool: Pool | undefined, run: () => Promise<A>): Promise<A> => {
  if (pool === undefined) return run()
  unhurried.set(pool, (unhurried.get(pool) ?? 0) + 1)
  try {
    return await run()
  } finally {
    unhurried.set(pool, unhurried.get(pool)! - 1)
  }
}

const SERVICE_NAME = /^[a-z][a-z0-9_]{0,40}$/

/**
 * Opens a pool whose connections see only the service's schema, which is created when missing.
 * @throws StoreNotDurable when the server would acknowledge commits before they are on disk.
 */
export const openPostgresPool = async (options: PostgresOptions): Promise<Pool> => {
  const { service, silenceMaxMs = SILENCE_MAX_MS } = options
  if (!SERVICE_NAME.test(service)) throw new StoreFailed({ database: service, detail: "not a schema name" })
  const pool: Pool = new Pool({
    stream: () => {
      const socket = new Socket()
      if (silenceMaxMs !== null) watchSilence(socket, silenceMaxMs, () => (unhurried.get(pool) ?? 0) > 0)
      return socket
    },
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionString: options.databaseUrl,
    max: options.connectionsMax ?? CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: `credits-${service}`,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // Not `public`: a service must not find another's tables by accident.
    options: `-c search_path=${service}`,
    types,
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on("error", () => undefined)
  // So would one that breaks between two statements of a transaction: its next statement fails and tells.
  pool.on("connect", (client) => client.on("error", () => undefined))
  try {
    await pool.query(`create schema if not exists ${service}`).catch(async (error: { readonly code?: string }) => {
      // Two services that start together may both try; the loser finds the winner's schema.
      if (error.code !== "23505" && error.code !== "42P06") throw error
    })
    for (const setting of ["synchronous_commit", "fsync", "full_page_writes"]) {
      const found = await pool.query<Record<string, string>>(`show ${setting}`)
      const value = found.rows[0]?.[setting] ?? ""
      if (value === "off") throw new StoreNotDurable({ database: service, setting, found: value })
    }
    return pool
  } catch (error) {
    await pool.end().catch(() => undefined)
    throw error
  }
}

export const postgresDialect = (pool: Pool): PostgresDialect =>
  new PostgresDialect({
    // Kysely ends the pool it is given when destroyed; ours ends with its scope.
    pool: { connect: () => pool.connect(), end: async () => undefined } as unknown as Pool,
  })

/** One connection that belongs to no service and makes no schema: for backups. The caller ends it. */
export const connectPostgres = async (databaseUrl: string): Promise<Client> => {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: "credits-backup",
    types,
  })
  client.on("error", () => undefined)
  await client.connect()
  return client
}
