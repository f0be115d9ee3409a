/**
 * A bar for long work, on stderr: redrawn in place on a terminal, a line now and then elsewhere. Owns no work.
 */
const WIDTH = 24
const REDRAW_MS = 200
const LINE_MS = 10_000

export interface Progress {
  /** How much of `total` is done; `total` may still grow. */
  readonly at: (done: number, total: number) => void
  readonly end: () => void
}

/** `[######----]  42 %  4200 of 10000 entries`. Pure. */
export const barText = (what: string, done: number, total: number): string => {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.floor(share * WIDTH)
  const bar = "#".repeat(filled) + "-".repeat(WIDTH - filled)
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${done} of ${total} ${what}`
}

export const progressBar = (what: string, stream: NodeJS.WriteStream = process.stderr): Progress => {
  const isTerminal = stream.isTTY
  const every = isTerminal ? REDRAW_MS : LINE_MS
  // Work that is done at once needs no bar.
  let drawAt = performance.now() + every
  let [last, isDrawn] = ["", false]
  const draw = (): void => {
    stream.write(isTerminal ? `\r\x1b[K${last}` : `${last}\n`)
    isDrawn = true
  }
  return {
    at: (done, total) => {
      last = barText(what, done, total)
      if (performance.now() < drawAt) return
      drawAt = performance.now() + every
      draw()
    },
    end: () => {
      if (!isDrawn || !isTerminal) return
      draw()
      stream.write("\n")
    },
  }
}
