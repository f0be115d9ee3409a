/** Text tables and a progress bar for a person at a terminal. Owns widths and colours; knows no money. */

const isPlain = process.env["NO_COLOR"] !== undefined || !process.stdout.isTTY
const paint = (code: number) => (text: string) => (isPlain ? text : `\u001b[${code}m${text}\u001b[0m`)
export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)

// eslint-disable-next-line no-control-regex -- the escape character is what a colour begins with
const visible = (text: string): number => text.replaceAll(/\u001b\[\d+m/g, "").length

export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
}

/** Lines of a table, without a frame. A row of one empty text is a rule. */
export const table = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => (row[i] === undefined ? 0 : visible(row[i])))),
  )
  const cell = (text: string, i: number): string => {
    const space = " ".repeat(Math.max(0, widths[i]! - visible(text)))
    return columns[i]!.align === "right" ? space + text : text + space
  }
  const rule = dim(`  ${widths.map((width) => "─".repeat(width)).join("──")}`)
  const head = dim(`  ${columns.map((column, i) => cell(column.title, i)).join("  ")}`)
  const body = rows.map((row) =>
    row.length === 1 && row[0] === "" ? rule : `  ${columns.map((_, i) => cell(row[i] ?? "", i)).join("  ")}`.trimEnd(),
  )
  return [head.trimEnd(), rule, ...body].join("\n")
}

const BAR_WIDTH = 32
const REDRAW_MS = 80

/** A bar on stderr that redraws itself; on something that is no terminal it says a line at every tenth. */
export const progressBar = (label: string): ((done: number, total: number, note: string) => void) => {
  let drawnAt = 0
  let tenth = -1
  return (done, total, note) => {
    const share = total === 0 ? 1 : done / total
    if (!process.stderr.isTTY) {
      const now = Math.floor(share * 10)
      if (now === tenth) return
      tenth = now
      process.stderr.write(`  ${label} ${Math.round(share * 100)} %  ${note}\n`)
      return
    }
    if (done < total && performance.now() - drawnAt < REDRAW_MS) return
    drawnAt = performance.now()
    const filled = Math.round(share * BAR_WIDTH)
    const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`
    process.stderr.write(`\r\u001b[2K  ${label} ${bar} ${String(Math.round(share * 100)).padStart(3)} %  ${note}`)
    if (done >= total) process.stderr.write("\n")
  }
}
