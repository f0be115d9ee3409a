/**
 * nats-server from the distribution's newer suite, through the mirror that the machine's apt already uses. apt works
 * on lists, cache and state of its own inside the project's cache and only unpacks the package there: no root, nothing
 * on the machine changes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { aptSourceLine, readAptSources } from "./apt-sources.mjs"
import { run } from "./command.mjs"
import { placeProgram } from "./program.mjs"
import { reasonOf, say } from "./progress.mjs"

/** Suites that carry 2.15 or newer, the steadier one first, and the component that holds it. */
const NEWER_SUITES = /** @type {Record<string, { suites: readonly string[], component: string }>} */ ({
  debian: { suites: ["forky", "sid"], component: "main" },
  ubuntu: { suites: ["devel"], component: "universe" },
})

const UPDATE_TIMEOUT_MS = 120_000
const DOWNLOAD_TIMEOUT_MS = 120_000

/**
 * @param {string} folder where the program is left
 * @returns {import("./nats-server.mjs").Way}
 */
export const fromDebianSuite = (folder) => ({
  name: "the distribution's newer suite (apt)",
  find: async () => {
    const release = readOsRelease("/etc/os-release")
    const newer = NEWER_SUITES[release.id]
    if (newer === undefined || !existsSync("/usr/bin/apt-get")) throw new Error("this is no Debian or Ubuntu")
    const source = readAptSources("/etc/apt").find((each) => each.suites.includes(release.codename))
    if (source === undefined) throw new Error(`apt names no mirror for ${release.codename}`)
    /** @type {string[]} */
    const reasons = []
    for (const suite of newer.suites) {
      const work = join(folder, "apt")
      try {
        return placeProgram(await unpackFrom(work, aptSourceLine(source, suite, newer.component, work)), folder)
      } catch (error) {
        reasons.push(`${suite}: ${reasonOf(error)}`)
        say(`nats-server: not from suite ${suite}: ${reasonOf(error)}`)
      } finally {
        rmSync(work, { recursive: true, force: true })
      }
    }
    throw new Error(reasons.join("; "))
  },
})

/**
 * @param {string} path
 * @returns {{ id: string, codename: string }} e.g. debian, bookworm; a derivative without a mirror of its own is not
 * served
 */
const readOsRelease = (path) => {
  const text = existsSync(path) ? readFileSync(path, "utf8") : ""
  /** @param {string} name */
  const value = (name) => new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(text)?.[1] ?? ""
  return { id: value("ID"), codename: value("VERSION_CODENAME") }
}

/**
 * @param {string} work an empty folder
 * @param {string} sourceLine
 * @returns {Promise<string>} path of the unpacked program
 */
const unpackFrom = async (work, sourceLine) => {
  const options = ["-c", writeAptConfiguration(work, sourceLine)]
  await run("apt-get", [...options, "update"], { cwd: work, timeoutMs: UPDATE_TIMEOUT_MS })
  await run("apt-get", [...options, "download", "nats-server"], { cwd: work, timeoutMs: DOWNLOAD_TIMEOUT_MS })
  const archive = readdirSync(work).find((name) => name.startsWith("nats-server_") && name.endsWith(".deb"))
  if (archive === undefined) throw new Error("apt downloaded nothing")
  await run("dpkg-deb", ["-x", archive, "unpacked"], { cwd: work, timeoutMs: 60_000 })
  const program = ["usr/sbin", "usr/bin"]
    .map((folder) => join(work, "unpacked", folder, "nats-server"))
    .find((path) => existsSync(path))
  if (program === undefined) throw new Error(`${archive} holds no nats-server`)
  return program
}

/**
 * Read after the machine's own apt configuration (whose proxy stays in force) and moves every folder apt writes to
 * into `work`.
 * @param {string} work
 * @param {string} sourceLine
 * @returns {string} path of the file
 */
const writeAptConfiguration = (work, sourceLine) => {
  for (const folder of ["lists/partial", "archives/partial", "etc", "log"]) {
    mkdirSync(join(work, folder), { recursive: true })
  }
  writeFileSync(join(work, "etc/sources.list"), `${sourceLine}\n`)
  writeFileSync(join(work, "status"), "")
  const path = join(work, "apt.conf")
  writeFileSync(
    path,
    [
      // The machine may clean its own package cache after an update; that would run on ours, or fail without root.
      "#clear APT::Update::Pre-Invoke;",
      "#clear APT::Update::Post-Invoke;",
      "#clear APT::Update::Post-Invoke-Success;",
      `Dir::Etc::SourceList "${work}/etc/sources.list";`,
      `Dir::Etc::SourceParts "-";`,
      `Dir::State "${work}";`,
      `Dir::State::Lists "${work}/lists";`,
      `Dir::State::Status "${work}/status";`,
      `Dir::Cache "${work}";`,
      `Dir::Cache::Archives "${work}/archives";`,
      `Dir::Log "${work}/log";`,
      `Acquire::Languages "none";`,
      `Acquire::Retries "1";`,
      `Acquire::http::Timeout "15";`,
      `Acquire::https::Timeout "15";`,
      // As root apt would download as the user _apt, who may not write here.
      `APT::Sandbox::User "root";`,
      "",
    ].join("\n"),
  )
  return path
}
