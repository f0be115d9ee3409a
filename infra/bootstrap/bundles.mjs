/**
 * The bundles that a start runs (the dist/ of apps, and of packages that are programs too): built through turbo when a
 * source changed since they were, left alone otherwise.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { readStamp, repositoryDir, withSetupLock, writeStamp } from "./cache.mjs"
import { CommandFailed, run } from "./command.mjs"
import { withNodeOnPath } from "./node.mjs"
import { ensurePnpm } from "./pnpm.mjs"
import { reasonOf, say, SetupFailed } from "./progress.mjs"

const BUILD_TIMEOUT_MS = 5 * 60_000

const stampPath = join(repositoryDir, "node_modules", ".credits-bundles")

/**
 * Path, size and time of every source: 1 ms for some hundred files, where reading them all would take longer than the
 * rest of a start.
 * @returns {string}
 */
const fingerprint = () => {
  const hash = createHash("sha256")
  /** @param {string} folder */
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === "node_modules" || entry.name === "dist" || entry.name.startsWith(".")) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) visit(path)
      else if (!entry.name.endsWith(".test.ts")) addFile(path)
    }
  }
  /** @param {string} path */
  const addFile = (path) => {
    const { size, mtimeMs } = statSync(path)
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  for (const room of ["apps", "packages", "infra/build"]) visit(join(repositoryDir, room))
  for (const file of ["pnpm-lock.yaml", "turbo.json"]) addFile(join(repositoryDir, file))
  return hash.digest("hex")
}

/** @returns {string[]} the bundles that the manifests promise */
const bundlePaths = () =>
  ["apps", "packages"].flatMap((room) =>
    readdirSync(join(repositoryDir, room)).flatMap((name) => {
      const folder = join(repositoryDir, room, name)
      const manifest = join(folder, "package.json")
      if (!existsSync(manifest)) return []
      /** @type {{ entries?: readonly string[] }} */
      const { entries = [] } = JSON.parse(readFileSync(manifest, "utf8"))
      return entries.map((entry) => join(folder, "dist", entry.replace(/^.*\//, "").replace(/\.ts$/, ".js")))
    }),
  )

const areReady = () => readStamp(stampPath) === fingerprint() && bundlePaths().every((path) => existsSync(path))

/**
 * @param {string} node
 */
export const ensureBundles = async (node) => {
  if (areReady()) return
  await withSetupLock(async () => {
    if (areReady()) return
    const before = fingerprint()
    const pnpmFolder = await ensurePnpm()
    const env = withNodeOnPath(node, process.env)
    say("building")
    try {
      await run(join(repositoryDir, "node_modules", ".bin", "turbo"), ["run", "build", "--output-logs=errors-only"], {
        cwd: repositoryDir,
        env: {
          ...env,
          PATH: `${pnpmFolder}:${env["PATH"]}`,
          TURBO_TELEMETRY_DISABLED: "1",
          TURBO_NO_UPDATE_NOTIFIER: "1",
        },
        timeoutMs: BUILD_TIMEOUT_MS,
      })
    } catch (error) {
      if (error instanceof CommandFailed) process.stderr.write(`${error.output}\n`)
      throw new SetupFailed(`the build failed: ${reasonOf(error)}`, "mend what the lines above name and run it again")
    }
    // A source saved while the build ran makes the next start build again.
    writeStamp(stampPath, before)
  })
}
