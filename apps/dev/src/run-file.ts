/** `run.json` in the data folder: what runs here and where, for the command line, the demo and tests. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export interface RunFile {
  readonly natsUrl: string
  /** nats-server's own HTTP monitoring; absent with an external server whose monitoring nobody named. */
  readonly natsMonitorUrl?: string | undefined
  readonly httpUrl: string
  /** The sandbox's own card processor; absent with somebody else's. */
  readonly processorUrl?: string | undefined
  /** The model gateway's; absent where none runs. */
  readonly gatewayUrl?: string | undefined
  /** The supervisor. */
  readonly pid: number
  readonly natsPid?: number | undefined
  readonly startedAt: string
  /** True once everything answered. */
  readonly ready: boolean
  readonly services: Readonly<Record<string, number>>
}

export const runFile = (dataDir: string): string => join(dataDir, "run.json")

/** Whole or not at all: readers never see half of it. */
export const writeRunFile = (dataDir: string, run: RunFile): void => {
  const draft = `${runFile(dataDir)}.draft`
  writeFileSync(draft, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, runFile(dataDir))
}

export const readRunFile = (dataDir: string): RunFile | undefined => {
  try {
    return JSON.parse(readFileSync(runFile(dataDir), "utf8")) as RunFile
  } catch {
    return undefined
  }
}

export const removeRunFile = (dataDir: string): void => rmSync(runFile(dataDir), { force: true })

/** What is known so far, written again whenever something of it changes. */
export class RunRecord {
  readonly #dataDir: string
  readonly #urls: Pick<RunFile, "httpUrl" | "processorUrl" | "gatewayUrl">
  readonly #startedAt: string
  readonly #services = new Map<string, number>()
  #bus: Pick<RunFile, "natsUrl" | "natsMonitorUrl"> | undefined
  #natsPid: number | undefined
  #ready = false

  constructor(dataDir: string, urls: Pick<RunFile, "httpUrl" | "processorUrl" | "gatewayUrl">, startedAt: string) {
    this.#dataDir = dataDir
    this.#urls = urls
    this.#startedAt = startedAt
  }

  natsStarted(pid: number): void {
    this.#natsPid = pid
    this.#write()
  }

  busFound(bus: Pick<RunFile, "natsUrl" | "natsMonitorUrl">): void {
    this.#bus = bus
    this.#write()
  }

  serviceStarted(name: string, pid: number): void {
    this.#services.set(name, pid)
    this.#write()
  }

  becameReady(): void {
    this.#ready = true
    this.#write()
  }

  #write(): void {
    if (this.#bus === undefined) return
    writeRunFile(this.#dataDir, {
      ...this.#bus,
      ...this.#urls,
      pid: process.pid,
      natsPid: this.#natsPid,
      startedAt: this.#startedAt,
      ready: this.#ready,
      services: Object.fromEntries(this.#services),
    })
  }
}
