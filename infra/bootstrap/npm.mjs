/** The machine's npm, used for two tools only (Node and pnpm); everything else comes through pnpm and the lockfile. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { withMachineCertificates } from "./certificates.mjs"
import { run } from "./command.mjs"

const INSTALL_TIMEOUT_MS = 5 * 60_000

/**
 * Installs packages into a folder of their own.
 * @param {string} folder
 * @param {readonly string[]} packages exact versions
 */
export const npmInstall = async (folder, packages) => {
  // A package.json makes the folder npm's project. (`--prefix` would do so too, but it also moves npm's global
  // configuration there, and with it the machine's registry and certificates out of sight.)
  writeFileSync(join(folder, "package.json"), `{ "private": true }\n`)
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]
  await run("npm", ["install", ...quiet, ...packages], {
    cwd: folder,
    env: withMachineCertificates(projectlessEnvironment()),
    timeoutMs: INSTALL_TIMEOUT_MS,
  })
}

/**
 * When we are ourselves run by npm, what it says about the project (`npm_config_local_prefix` …) must not reach the
 * inner npm.
 */
const projectlessEnvironment = () => {
  const ours = /^npm_(package_|lifecycle_|command|config_local_prefix)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}
