/** The `credits` command as an operator runs it: the built program as a process, its output and its exit code. */
import { spawn } from "node:child_process"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const PROGRAM = join(resolve(dirname(fileURLToPath(import.meta.url)), "../../.."), "apps/ops/dist/main.js")

export interface CommandRun {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  /** stdout as JSON; throws with everything that was said when it is none. */
  readonly json: <A = Record<string, unknown>>() => A
}

/** `credits` for one system: its data folder, and what else its environment says. */
export const commandLine =
  (dataDir: string, env: Readonly<Record<string, string>> = {}) =>
  (...args: ReadonlyArray<string>): Promise<CommandRun> =>
    new Promise((done, reject) => {
      const child = spawn(process.execPath, [PROGRAM, ...args], {
        env: { ...process.env, CREDITS_DATA_DIR: dataDir, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      })
      let [stdout, stderr] = ["", ""]
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
      child.on("error", reject)
      child.on("close", (code) => {
        const json = <A>(): A => {
          try {
            return JSON.parse(stdout) as A
          } catch {
            throw new Error(`credits ${args.join(" ")} said no JSON (exit ${code}):\n${stdout}\n${stderr}`)
          }
        }
        done({ exit: code ?? -1, stdout, stderr, json })
      })
    })
