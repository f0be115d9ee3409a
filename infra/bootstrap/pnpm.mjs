/** pnpm, in exactly the version that package.json names under "packageManager", in the project's cache. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { cacheFolder, repositoryDir } from "./cache.mjs"
import { run } from "./command.mjs"
import { npmInstall } from "./npm.mjs"
import { reasonOf, say, SetupFailed } from "./progress.mjs"

/** @returns {string} e.g. "12.21.0" */
const pinnedVersion = () => {
  const manifest = JSON.parse(readFileSync(join(repositoryDir, "package.json"), "utf8"))
  return String(manifest.packageManager)
    .replace(/^pnpm@/, "")
    .replace(/\+.*$/, "")
}

/**
 * @returns {Promise<string>} a folder that holds nothing but `pnpm`, to be put on the PATH
 */
export const ensurePnpm = async () => {
  const version = pinnedVersion()
  const folder = cacheFolder("pnpm", version)
  const bin = join(folder, "bin")
  if (existsSync(join(bin, "pnpm"))) return bin
  say(`pnpm ${version}`)
  try {
    await npmInstall(folder, [`pnpm@${version}`])
    const program = await nativeProgram(join(folder, "node_modules"))
    mkdirSync(bin, { recursive: true })
    rmSync(join(bin, "pnpm"), { force: true })
    symlinkSync(program, join(bin, "pnpm"))
    return bin
  } catch (error) {
    throw new SetupFailed(
      `pnpm ${version} could not be installed: ${reasonOf(error)}`,
      "check that npm reaches its registry (npm ping), then run the command again",
    )
  }
}

/**
 * pnpm is one native program per platform; npm installs those that fit this machine (two on Linux when npm knows no
 * libc).
 * @param {string} modules
 * @returns {Promise<string>}
 */
const nativeProgram = async (modules) => {
  const scope = join(modules, "@pnpm")
  const candidates = existsSync(scope) ? readdirSync(scope).filter((name) => name.startsWith("exe.")) : []
  for (const name of candidates) {
    const program = join(scope, name, "pnpm")
    try {
      await run(program, ["--version"], { cwd: modules, timeoutMs: 30_000 })
      return program
    } catch {
      // Built for another libc: the next one fits.
    }
  }
  throw new Error(`no pnpm program for ${process.platform}-${process.arch} came with the package`)
}
