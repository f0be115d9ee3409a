/**
 * Brings the write-ahead log to the disk every second, in another thread, in small pieces. Left to the kernel it goes
 * there every half minute in one piece (3.7 MB a second in a busy night), and whoever else syncs on the same disk waits
 * for that (ADR 25). Nobody's answer waits for it.
 */
import { closeSync, fdatasync, openSync } from "node:fs"

const FLUSH_MS = 1_000

export class LogFlush {
  readonly #commits: () => number
  readonly #timer: NodeJS.Timeout
  readonly #log: number
  #flushed = 0
  #isUnderWay = false

  /** @param log a file that stays where it is @param commits how many there were so far */
  constructor(log: string, commits: () => number, everyMs = FLUSH_MS) {
    this.#log = openSync(log, "r")
    this.#commits = commits
    this.#flushed = commits()
    this.#timer = setInterval(() => this.#flush(), everyMs)
    this.#timer.unref()
  }

  /** Commits that are on the disk. */
  get flushed(): number {
    return this.#flushed
  }

  #flush(): void {
    const commits = this.#commits()
    if (this.#isUnderWay || commits === this.#flushed) return
    this.#isUnderWay = true
    fdatasync(this.#log, (error) => {
      this.#isUnderWay = false
      // Without it the kernel does it later; a disk that fails fails the next commit or checkpoint too.
      if (error === null) this.#flushed = commits
    })
  }

  close(): void {
    clearInterval(this.#timer)
    closeSync(this.#log)
  }
}
