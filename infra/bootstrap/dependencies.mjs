/**
 * The packages of the workspace: installed from the lockfile, and left alone while lockfile and manifests are what
 * they were.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { readStamp, repositoryDir, withSetupLock, writeStamp } from "./cache.mjs"
import { withMachineCertificates } from "./certificates.mjs"
import { run } from "./command.mjs"
import { withNodeOnPath } from "./node.mjs"
import { ensurePnpm } from "./pnpm.mjs"
import { reasonOf, say, SetupFailed } from "./progress.mjs"

const INSTALL_TIMEOUT_MS = 8 * 60_000

/** Inside node_modules, so that it goes when they go. */
const stampPath = join(repositoryDir, "node_modules", ".credits-dependencies")

/** @returns {string} changes when an install could give another result */
const fingerprint = () => {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`)
  const manifests = ["apps", "packages"].flatMap((room) => {
    const folder = join(repositoryDir, room)
    return existsSync(folder) ? readdirSync(folder).map((name) => join(room, name, "package.json")) : []
  })
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...manifests.toSorted()]) {
    const path = join(repositoryDir, file)
    if (existsSync(path)) hash.update(`\0${file}\0`).update(readFileSync(path))
  }
  return hash.digest("hex")
}

/** @returns {boolean} whether the installed packages are those of the lockfile */
export const dependenciesAreReady = () => readStamp(stampPath) === fingerprint()

/**
 * @param {string} node
 */
export const ensureDependencies = async (node) => {
  if (dependenciesAreReady()) return
  await withSetupLock(async () => {
    if (dependenciesAreReady()) return
    const pnpmFolder = await ensurePnpm()
    say("packages from the lockfile")
    const env = withNodeOnPath(node, withMachineCertificates(process.env))
    try {
      await run(join(pnpmFolder, "pnpm"), ["install", "--frozen-lockfile", "--reporter=append-only"], {
        cwd: repositoryDir,
        // CI: never asks whether it may replace a node_modules that another package manager left behind.
        env: { ...env, PATH: `${pnpmFolder}:${env["PATH"]}`, CI: "true" },
        timeoutMs: INSTALL_TIMEOUT_MS,
      })
    } catch (error) {
      throw new SetupFailed(
        `the packages could not be installed: ${reasonOf(error)}`,
        "if a manifest changed, run `pnpm install` to renew the lockfile; " +
          "otherwise check that npm reaches its registry (npm ping)",
      )
    }
    writeStamp(stampPath, fingerprint())
  })
}
