/**
 * The calls that are open, on disk beside the spool, so that a gateway that dies can settle them when it starts again.
 * Owns one append-only file of JSON lines and its rewriting; a line is written before what it speaks of.
 *
 * Nothing is synced: it survives the process, not the machine. What a power loss takes expires with its hold (R6.3).
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import type { CallRecord, UsageEventData } from "./usage.ts"

export interface OpenCall {
  readonly call: CallRecord
  /** Output tokens that were passed on, at least. */
  readonly produced: number
  /** Made and perhaps handed in: exactly this one must go out. */
  readonly event: UsageEventData | null
}

type Line =
  | { readonly begun: CallRecord }
  | { readonly id: string; readonly produced: number }
  | { readonly id: string; readonly event: UsageEventData }
  | { readonly id: string; readonly closed: true }

/** Rewritten above this many lines of calls that are over. */
const DEAD_LINES_MAX = 20_000

const applyLine = (calls: Map<string, OpenCall>, line: Line): void => {
  if ("begun" in line) {
    calls.set(line.begun.requestId, { call: line.begun, produced: 0, event: null })
    return
  }
  const open = calls.get(line.id)
  if (open === undefined) return
  if ("closed" in line) calls.delete(line.id)
  else calls.set(line.id, { ...open, ...line })
}

/** A torn last line is what a dying process leaves; it spoke of something that had not happened yet. */
const readCalls = (file: string): Map<string, OpenCall> => {
  const calls = new Map<string, OpenCall>()
  if (!existsSync(file)) return calls
  for (const text of readFileSync(file, "utf8").split("\n")) {
    try {
      if (text !== "") applyLine(calls, JSON.parse(text) as Line)
    } catch {
      continue
    }
  }
  return calls
}

const linesOf = ({ call, produced, event }: OpenCall): ReadonlyArray<Line> => [
  { begun: call },
  ...(produced > 0 ? [{ id: call.requestId, produced }] : []),
  ...(event === null ? [] : [{ id: call.requestId, event }]),
]

const textOf = (lines: ReadonlyArray<Line>): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("")

export class CallJournal {
  readonly #file: string
  readonly #calls: Map<string, OpenCall>
  /** What an earlier process left open. */
  readonly found: ReadonlyArray<OpenCall>
  #handle: number
  #lines = 0

  /** One process a folder: the spool's lock, taken before, sees to that. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#file = join(directory, "calls.journal")
    this.#calls = readCalls(this.#file)
    this.found = [...this.#calls.values()]
    this.#handle = this.#rewritten()
  }

  get open(): number {
    return this.#calls.size
  }

  begun(call: CallRecord): void {
    this.#write({ begun: call })
  }

  produced(id: string, tokens: number): void {
    this.#write({ id, produced: tokens })
  }

  /** Before the event is handed in. */
  settling(id: string, event: UsageEventData): void {
    this.#write({ id, event })
  }

  /** The event is on the spool's disk, or the hold was given back. */
  closed(id: string): void {
    this.#write({ id, closed: true })
    if (this.#lines > DEAD_LINES_MAX + 4 * this.#calls.size) {
      closeSync(this.#handle)
      this.#handle = this.#rewritten()
    }
  }

  #write(line: Line): void {
    applyLine(this.#calls, line)
    writeSync(this.#handle, textOf([line]))
    this.#lines++
  }

  /** Only the open calls; whole or not at all. */
  #rewritten(): number {
    const draft = `${this.#file}.draft`
    const lines = [...this.#calls.values()].flatMap(linesOf)
    writeFileSync(draft, textOf(lines), { mode: 0o600 })
    renameSync(draft, this.#file)
    this.#lines = lines.length
    return openSync(this.#file, "a", 0o600)
  }

  close(): void {
    closeSync(this.#handle)
  }
}
