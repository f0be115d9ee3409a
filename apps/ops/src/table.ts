/** Plain text tables for people: aligned columns, no colour, no borders. Knows nothing of what it shows. */

export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
}

export type Cell = string | number | bigint | null

const text = (cell: Cell): string => (cell === null ? "–" : String(cell))

/** Aligned columns with two spaces between them; the last column is never padded. */
export const table = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<Cell>>): string => {
  const cells = rows.map((row) => row.map(text))
  const widths = columns.map((column, i) => Math.max(column.title.length, ...cells.map((row) => (row[i] ?? "").length)))
  const line = (row: ReadonlyArray<string>): string =>
    columns
      .map((column, i) =>
        column.align === "right" ? (row[i] ?? "").padStart(widths[i]!) : (row[i] ?? "").padEnd(widths[i]!),
      )
      .join("  ")
      .trimEnd()
  return [line(columns.map((column) => column.title)), ...cells.map(line)].join("\n")
}

/** `label  value` pairs, one a line. */
export const facts = (pairs: ReadonlyArray<readonly [label: string, value: Cell]>): string => {
  const width = Math.max(...pairs.map(([label]) => label.length))
  return pairs.map(([label, value]) => `${label.padEnd(width)}  ${text(value)}`.trimEnd()).join("\n")
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"]

/** 1536 → "1.5 KiB". */
export const bytes = (count: number): string => {
  let value = count
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}
