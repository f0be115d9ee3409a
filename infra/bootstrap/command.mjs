/**
 * Running other programs: with captured output for set-up steps, or in our place for the program a person asked for.
 * Knows nothing of what it runs.
 */
import { spawn } from "node:child_process"
import { constants } from "node:os"

/** Captured output is kept to its last part: enough to explain a failure, bounded whatever the program prints. */
const OUTPUT_KEPT_CHARS = 256 * 1024

/** A program that ended badly; `output` is all it printed, for the few cases where one line does not explain enough. */
export class CommandFailed extends Error {
  /**
   * @param {string} message
   * @param {string} output
   */
  constructor(message, output) {
    super(message)
    this.name = "CommandFailed"
    this.output = output
  }
}

/**
 * Runs a program to its end and returns what it printed on stdout.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs: number }} options the child is killed after `timeoutMs`
 * @returns {Promise<string>} rejects with the last printed line when the program fails, is missing or takes too long
 */
export const run = (program, args, options) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    })
    let stdout = ""
    let stderr = ""
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill("SIGKILL")
    }, options.timeoutMs)
    child.stdout.on("data", (chunk) => (stdout = (stdout + chunk).slice(-OUTPUT_KEPT_CHARS)))
    child.stderr.on("data", (chunk) => (stderr = (stderr + chunk).slice(-OUTPUT_KEPT_CHARS)))
    child.on("error", (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      if (code === 0) return resolve(stdout)
      const output = `${stdout}${stderr}`.trim()
      if (timedOut)
        return reject(new CommandFailed(`${program} took longer than ${options.timeoutMs / 1000} s`, output))
      reject(new CommandFailed(whyItFailed(program, stderr.trim() === "" ? stdout : stderr, code ?? signal), output))
    })
  })

/**
 * The most telling line of a failed program: its first line that names an error, else its last one.
 * @param {string} program
 * @param {string} output
 * @param {number | string | null} end
 */
const whyItFailed = (program, output, end) => {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
  const telling = lines.find((line) => /^(E:|npm error [^c]|.*ERR_|error)/i.test(line)) ?? lines.at(-1)
  return telling ?? `${program} ended with ${end}`
}

/**
 * Runs a program in our place: same terminal, signals handed on, and this process ends the way the program ended.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<never>}
 */
export const become = (program, args, options) =>
  new Promise((_, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: "inherit" })
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
      process.on(signal, () => {
        // A Ctrl-C reaches the child by itself, as a member of the terminal's foreground group: a second one could
        // read as "stop now".
        if (signal === "SIGINT" && process.stdin.isTTY) return
        child.kill(signal)
      })
    }
    child.on("error", reject)
    child.on("close", (code, signal) => {
      process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
