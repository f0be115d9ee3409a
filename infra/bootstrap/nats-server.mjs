/**
 * nats-server: which one the embedded bus runs. Looks in a fixed order, checks the version of whatever it finds, and
 * takes the first that is new enough; a way that yields nothing says why in one line. How each way works is in files
 * of its own.
 */
import { accessSync, constants, statSync } from "node:fs"
import { delimiter, join } from "node:path"
import { cacheDir, withSetupLock } from "./cache.mjs"
import { run } from "./command.mjs"
import { fromDebianSuite } from "./debian-suite.mjs"
import { reasonOf, say, SetupFailed } from "./progress.mjs"
import { fromReleaseArchive } from "./release-archive.mjs"
import { isAtLeast, parseVersion } from "./version.mjs"

/** 2.15 has the per-message batches and consumer features that packages/bus relies on. */
export const NATS_SERVER_MINIMUM = "2.15.0"

/**
 * One place to look. `find` returns the path of a program, or null when nobody asked to look there, or throws the
 * reason.
 * @typedef {{ name: string, find: () => Promise<string | null> }} Way
 */

/**
 * Takes the ways in order and returns the first program that is new enough.
 * @param {readonly Way[]} ways
 * @param {(line: string) => void} tell gets one line for each way that failed
 * @returns {Promise<string | null>} null when no way led to one
 */
export const chooseNatsServer = async (ways, tell) => {
  for (const way of ways) {
    try {
      const path = await way.find()
      if (path === null) continue
      const version = await versionOf(path)
      if (isAtLeast(version, NATS_SERVER_MINIMUM)) return path
      throw new Error(`${path} is ${version}, older than ${NATS_SERVER_MINIMUM}`)
    } catch (error) {
      tell(`no nats-server from ${way.name}: ${reasonOf(error)}`)
    }
  }
  return null
}

/**
 * @param {string} path
 * @returns {Promise<string>} e.g. "2.15.1"; throws when the program does not run here
 */
const versionOf = async (path) => {
  const printed = await run(path, ["--version"], { timeoutMs: 10_000 })
  const version = parseVersion(printed)
  if (version === null) throw new Error(`${path} does not say its version`)
  return version.join(".")
}

/**
 * @param {string | undefined} named value of CREDITS_NATS_SERVER
 * @returns {Way}
 */
export const fromVariable = (named) => ({
  name: "CREDITS_NATS_SERVER",
  find: async () => {
    if (named === undefined || named === "") return null
    if (!isProgram(named)) throw new Error(`${named} is not a program`)
    return named
  },
})

/**
 * @param {string} searchPath value of PATH
 * @returns {Way}
 */
export const fromSearchPath = (searchPath) => ({
  name: "the PATH",
  find: async () => {
    const found = searchPath
      .split(delimiter)
      .filter((folder) => folder !== "")
      .map((folder) => join(folder, "nats-server"))
      .find(isProgram)
    if (found === undefined) throw new Error("there is none")
    return found
  },
})

/**
 * @param {string} folder where the slow ways leave what they found
 * @returns {Way}
 */
export const fromCache = (folder) => ({
  name: "the cache",
  find: async () => {
    const path = join(folder, "nats-server")
    if (!isProgram(path)) throw new Error("it has none yet")
    return path
  },
})

/** @param {string} path */
const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * @param {string} node a node for the download
 * @returns {Promise<string>} path of a nats-server that runs on this machine
 */
export const ensureNatsServer = async (node) => {
  const named = fromVariable(process.env["CREDITS_NATS_SERVER"])
  const folder = join(cacheDir, "nats-server")
  // A person who named a server hears why it is not taken; that the PATH has none matters only when nothing else is
  // left.
  const fromNamed = await chooseNatsServer([named], say)
  if (fromNamed !== null) return fromNamed
  /** @type {string[]} */
  const reasons = []
  const present = [fromSearchPath(process.env["PATH"] ?? ""), fromCache(folder)]
  const found = await chooseNatsServer(present, (line) => reasons.push(line))
  if (found !== null) return found
  return await withSetupLock(async () => {
    const placed = await chooseNatsServer([fromCache(folder)], () => {})
    if (placed !== null) return placed
    reasons.forEach(say)
    say("nats-server: looking on the network")
    const fetched = await chooseNatsServer([fromReleaseArchive(node, folder), fromDebianSuite(folder)], say)
    if (fetched !== null) {
      say(`nats-server ${await versionOf(fetched)} is in the cache now`)
      return fetched
    }
    throw new SetupFailed(
      `no nats-server ${NATS_SERVER_MINIMUM} or newer was found`,
      "install one (https://nats.io/download, `brew install nats-server`) " +
        "or name one with CREDITS_NATS_SERVER=/path/to/it",
    )
  })
}
