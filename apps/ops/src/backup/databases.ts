/**
 * The services' databases into files, and files into databases. SQLite: one consistent copy a service, made in one read
 * of the file while its service goes on. Postgres: one archive of all schemas, as of one instant, by `pg_dump`.
 */
import { spawn } from "node:child_process"
import { copyFile, rename, writeFile } from "node:fs/promises"
import { existsSync } from "node:fs"
import { basename, join } from "node:path"
import { BACKUP_ORDER, type BackupManifest } from "@credits/contracts"
import { fileOf, onDisk } from "./files.ts"

type Databases = Pick<BackupManifest, "database" | "databases" | "ledgerSeqs">

/** Of the sandbox's card processor: play money, but a restored customer's card is there and nowhere else. */
const PROCESSOR_FILE = "sandbox-processor.sqlite"
const ARCHIVE = "databases.dump"
/** All pages in one step: a copy in several is begun anew whenever the service commits between two. */
const ALL_PAGES = 0x7fffffff

const copySqlite = async (from: string, to: string): Promise<void> => {
  const { default: BetterSqlite3 } = await import("better-sqlite3")
  const source = new BetterSqlite3(from, { readonly: true, fileMustExist: true })
  try {
    await source.backup(to, { progress: () => ALL_PAGES })
  } finally {
    source.close()
  }
  await closeLog(to)
}

/** One file, without a log beside it: what is copied on is then whole. */
const closeLog = async (file: string): Promise<void> => {
  const { default: BetterSqlite3 } = await import("better-sqlite3")
  const copy = new BetterSqlite3(file)
  copy.pragma("journal_mode = DELETE")
  copy.close()
}

/** The processor locks its file for itself, so it gives the copy. @throws Error when it does not answer */
const copyProcessor = async (processorUrl: string, to: string): Promise<void> => {
  const response = await fetch(new URL("/__sandbox/database", processorUrl), { signal: AbortSignal.timeout(60_000) })
  if (!response.ok) throw new Error(`the sandbox's card processor answered ${response.status}`)
  const { sqliteBase64 } = (await response.json()) as { readonly sqliteBase64: string }
  await writeFile(to, Buffer.from(sqliteBase64, "base64"), { mode: 0o600 })
  await closeLog(to)
}

const seqsInFile = async (file: string): Promise<Readonly<Record<string, number>>> => {
  if (!existsSync(file)) return {}
  const { default: BetterSqlite3 } = await import("better-sqlite3")
  const ledger = new BetterSqlite3(file, { readonly: true })
  try {
    const rows = ledger.prepare("select id, seq from partition").all() as Array<{ id: number; seq: number }>
    return Object.fromEntries(rows.map(({ id, seq }) => [String(id), Number(seq)]))
  } finally {
    ledger.close()
  }
}

/**
 * @param processorUrl of the sandbox's card processor, when it runs here
 * @throws Error with a sentence when a file cannot be read or written.
 */
export const copyFiles = async (
  dataDir: string,
  processorUrl: string | undefined,
  folder: string,
  told: (service: string) => void,
): Promise<Databases> => {
  const databases: Array<BackupManifest["databases"][number]> = []
  const add = async (service: string, copy: (to: string) => Promise<void>): Promise<void> => {
    told(service)
    await copy(join(folder, `${service}.db`))
    databases.push({ service, ...(await fileOf(folder, `${service}.db`)) })
  }
  for (const service of BACKUP_ORDER) {
    const file = join(dataDir, `${service}.db`)
    if (existsSync(file)) await add(service, (to) => copySqlite(file, to))
  }
  if (processorUrl !== undefined) await add("processor", (to) => copyProcessor(processorUrl, to))
  return { database: "sqlite", databases, ledgerSeqs: await seqsInFile(join(folder, "ledger.db")) }
}

/** Puts the files of a backup where their services look for them. Each is whole or not there. */
export const placeFiles = async (folder: string, manifest: BackupManifest, dataDir: string): Promise<void> => {
  for (const { service, file } of manifest.databases) {
    const target = join(dataDir, service === "processor" ? PROCESSOR_FILE : `${service}.db`)
    await copyFile(join(folder, file), `${target}.draft`)
    await onDisk(`${target}.draft`)
    await rename(`${target}.draft`, target)
  }
  await markFile(dataDir)
}

/**
 * Tells payments that its database was put back: what was charged since the backup is with the card processor alone, so
 * it asks there before it charges (I6). A backup of an older release has no such table, and its payments cannot ask.
 */
const MARK = "insert into restored (at) values (0)"

const markFile = async (dataDir: string): Promise<void> => {
  const file = join(dataDir, "payments.db")
  if (!existsSync(file)) return
  const { default: BetterSqlite3 } = await import("better-sqlite3")
  const payments = new BetterSqlite3(file)
  try {
    const known = payments.prepare("select name from sqlite_master where name = 'restored'").get()
    if (known !== undefined) payments.exec(MARK)
  } finally {
    payments.close()
  }
}

/** Runs one of Postgres's own programs; the password goes by its environment, where other users cannot read it. */
const runPostgres = (program: string, databaseUrl: string, args: ReadonlyArray<string>): Promise<void> => {
  const url = new URL(databaseUrl)
  const password = decodeURIComponent(url.password)
  url.password = ""
  const named = process.env["CREDITS_POSTGRES_BIN"]
  const path = named === undefined || named === "" ? program : join(named, program)
  return new Promise((resolve, reject) => {
    const child = spawn(path, [...args, `--dbname=${url.href}`], {
      env: { ...process.env, ...(password === "" ? {} : { PGPASSWORD: password }) },
      stdio: ["ignore", "ignore", "pipe"],
    })
    let words = ""
    child.stderr.on("data", (chunk: Buffer) => (words = `${words}${chunk.toString()}`.slice(-2_000)))
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Error(
              `there is no ${basename(path)}: install Postgres's client, or name its folder in CREDITS_POSTGRES_BIN`,
            )
          : error,
      ),
    )
    child.on("close", (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${program} ended with ${code}: ${words.trim()}`))
    })
  })
}

const SCHEMAS = `select nspname from pg_namespace where nspname = any($1) order by nspname`

const connected = async <A>(
  databaseUrl: string,
  work: (
    query: (sql: string, values?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Record<string, unknown>>>,
  ) => Promise<A>,
): Promise<A> => {
  const { connectPostgres } = await import("@credits/store")
  const client = await connectPostgres(databaseUrl)
  try {
    return await work(
      async (sql, values = []) => (await client.query(sql, [...values])).rows as Array<Record<string, unknown>>,
    )
  } finally {
    await client.end()
  }
}

const schemasOf = async (databaseUrl: string): Promise<ReadonlyArray<string>> =>
  connected(databaseUrl, async (query) =>
    (await query(SCHEMAS, [[...BACKUP_ORDER]])).map((row) => String(row["nspname"])),
  )

/** One archive as of one instant. @throws Error with a sentence, also when `pg_dump` is not there. */
export const dumpSchemas = async (
  databaseUrl: string,
  folder: string,
  told: (service: string) => void,
): Promise<Databases> => {
  told("postgres")
  const schemas = await schemasOf(databaseUrl)
  const ledgerSeqs = await connected(databaseUrl, async (query) => {
    await query("begin isolation level repeatable read read only")
    const [exported] = await query("select pg_export_snapshot() as id")
    const rows = schemas.includes("ledger") ? await query("select id, seq from ledger.partition") : []
    await runPostgres("pg_dump", databaseUrl, [
      "--format=custom",
      "--no-owner",
      `--snapshot=${String(exported?.["id"])}`,
      `--file=${join(folder, ARCHIVE)}`,
      ...schemas.map((schema) => `--schema=${schema}`),
    ])
    await query("commit")
    return Object.fromEntries(rows.map(({ id, seq }) => [String(id), Number(seq)]))
  })
  const databases = [{ service: "all", ...(await fileOf(folder, ARCHIVE)) }]
  return { database: "postgres", databases, ledgerSeqs }
}

/** Schemas of ours that a database has already: nothing is restored over them. */
export const schemasThere = schemasOf

/** All or nothing, in one transaction. */
export const loadSchemas = async (databaseUrl: string, folder: string): Promise<void> => {
  await runPostgres("pg_restore", databaseUrl, [
    "--no-owner",
    "--single-transaction",
    "--exit-on-error",
    join(folder, ARCHIVE),
  ])
  await connected(databaseUrl, async (query) => {
    const [known] = await query("select to_regclass('payments.restored') as name")
    if (known?.["name"] !== null) await query("insert into payments.restored (at) values (0)")
  })
}
