/**
 * Chromium, for the browser tests: named by CREDITS_CHROMIUM, on the PATH, or installed from the distribution where we
 * may (root on a Debian family machine). Where there is none the tests that need it are left out, and set-up says so
 * and what to install: everything else of the project works without a browser.
 */
import { accessSync, constants, existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { run } from "./command.mjs"
import { reasonOf, say } from "./progress.mjs"

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
/** 150 MB with what it needs. */
const INSTALL_TIMEOUT_MS = 5 * 60_000
/** What CREDITS_CHROMIUM says when no browser is wanted. */
const NONE = "none"

/** @param {string} path */
const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} searchPath value of PATH */
const onPath = (searchPath) =>
  searchPath
    .split(delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isProgram)

const install = async () => {
  say("Chromium from the distribution, for the browser tests")
  // dpkg calls programs of the system's folders, which a bare PATH leaves out.
  const path = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`
  const env = { ...process.env, PATH: path, DEBIAN_FRONTEND: "noninteractive" }
  const options = { env, timeoutMs: INSTALL_TIMEOUT_MS }
  const apt = ["install", "--yes", "--no-install-recommends", "chromium"]
  // The lists of a fresh machine are empty or old; where they are good, renewing them would only take time.
  await run("apt-get", apt, options).catch(async () => {
    await run("apt-get", ["update"], options)
    await run("apt-get", apt, options)
  })
}

/** @returns {Promise<string | undefined>} path of the browser; undefined: there is none, and it has been said why */
export const ensureChromium = async () => {
  const named = process.env["CREDITS_CHROMIUM"] ?? ""
  if (named === NONE) return undefined
  if (named !== "" && isProgram(named)) return named
  const found = onPath(process.env["PATH"] ?? "")
  if (found !== undefined) return found
  let reason = named === "" ? "none is on the PATH" : `CREDITS_CHROMIUM names ${named}, which is not a program`
  if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
    try {
      await install()
      const installed = onPath(process.env["PATH"] ?? "")
      if (installed !== undefined) return installed
      reason = "the distribution's package holds no program of a known name"
    } catch (error) {
      reason = `apt could not install it: ${reasonOf(error)}`
    }
  }
  say(`no Chromium (${reason}): the browser tests are skipped`)
  say("  next: install chromium (Debian: apt-get install chromium) or set CREDITS_CHROMIUM to a Chromium")
  return undefined
}
