/**
 * One supervised process: started, started again with a growing pause when it ends by itself, stopped when asked.
 * Knows nothing of what it runs; whether it is ready is somebody else's question.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { getPriority, setPriority } from "node:os"
import { lineSplitter } from "./log-line.ts"

export interface ChildSpec {
  readonly name: string
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly env: NodeJS.ProcessEnv
  /** Added to our own, 0 to 19: how far it gives way to others for a core. */
  readonly niceness: number
  /** Opens a channel that closes when we die, however we die. */
  readonly channel: boolean
  readonly onLine: (line: string) => void
  /** After every start. */
  readonly onStart: (pid: number) => void
  readonly onEnd: (how: string, pauseMs: number) => void
}

const PAUSE_FIRST_MS = 100
const PAUSE_MAX_MS = 10_000
/** A process that ran this long was fine: its next end starts with the first pause again. */
const HEALTHY_MS = 5_000
const TERM_MS = 5_000

/** Without rights the kernel takes ten such wishes a second from all users together: somebody may have been first. */
const GROUP_TRIES_MAX = 20
const GROUP_AGAIN_MS = 250

/**
 * A child has a session of its own, and Linux shares a core among sessions before it looks at processes: nice values
 * count within one. The session has a nice value too (sched(7), "The autogroup feature"). No such file: it does not.
 */
const giveWayAsGroup = (pid: number, niceness: number, triesLeft: number): void => {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
  } catch (error) {
    const isBusy = (error as NodeJS.ErrnoException).code === "EAGAIN"
    if (isBusy && triesLeft > 0) setTimeout(giveWayAsGroup, GROUP_AGAIN_MS, pid, niceness, triesLeft - 1).unref()
  }
}

/** Before it has other threads: they inherit it. A system that does not allow it loses only the order. */
const giveWay = (pid: number, niceness: number): void => {
  try {
    setPriority(pid, Math.min(19, getPriority() + niceness))
  } catch {
    // Gone already, or forbidden.
  }
  giveWayAsGroup(pid, niceness, GROUP_TRIES_MAX)
}

export class Child {
  readonly #spec: ChildSpec
  #process: ChildProcess | undefined
  #stopping = false
  #startedAt = 0
  #pauseMs = PAUSE_FIRST_MS
  #timer: NodeJS.Timeout | undefined
  /** Ends in a row without having been healthy. */
  #failures = 0

  constructor(spec: ChildSpec) {
    this.#spec = spec
  }

  get name(): string {
    return this.#spec.name
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  get failures(): number {
    return this.#failures
  }

  start(): void {
    const { program, args, env, niceness, channel, onLine } = this.#spec
    this.#startedAt = performance.now()
    const child = spawn(program, [...args], {
      env,
      // A group of its own: a Ctrl-C in the terminal reaches only us, and we stop the children in order.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...(channel ? (["ipc"] as const) : [])],
    })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) {
      const split = lineSplitter(onLine)
      stream?.setEncoding("utf8").on("data", split)
    }
    child.once("error", (error) => this.#ended(child, error.message))
    child.once("exit", (code, signal) => this.#ended(child, signal === null ? `code ${code}` : signal))
    if (child.pid === undefined) return
    if (niceness > 0) giveWay(child.pid, niceness)
    this.#spec.onStart(child.pid)
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#process !== child) return
    this.#process = undefined
    if (this.#stopping) return
    const wasHealthy = performance.now() - this.#startedAt > HEALTHY_MS
    this.#failures = wasHealthy ? 1 : this.#failures + 1
    const pauseMs = wasHealthy ? PAUSE_FIRST_MS : this.#pauseMs
    this.#pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
    this.#timer = setTimeout(() => this.start(), pauseMs)
    this.#spec.onEnd(how, pauseMs)
  }

  /** Ready once: what failed before counts no more. */
  forgive(): void {
    this.#failures = 0
    this.#pauseMs = PAUSE_FIRST_MS
  }

  /** SIGTERM, then SIGKILL after 5 s. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
    // One that was stopped with SIGSTOP could not hear anything else.
    child.kill("SIGCONT")
    child.kill("SIGTERM")
    const killer = setTimeout(() => child.kill("SIGKILL"), TERM_MS)
    await ended
    clearTimeout(killer)
  }
}
