/**
 * Statement entries as CSV (RFC 4180, CRLF). Pure. A cell that a spreadsheet would run as a formula gets a leading
 * apostrophe (CSV injection: model names and descriptions come from outside); plain decimal numbers stay numbers.
 */
import type { Entry } from "@credits/contracts/http"

export const CSV_COLUMNS = [
  "seq",
  "at",
  "kind",
  "amountUsd",
  "availableAfterUsd",
  "description",
  "model",
  "provider",
  "mode",
  "inputTokens",
  "cacheReadTokens",
  "cacheWrite5mTokens",
  "cacheWrite1hTokens",
  "outputTokens",
  "reasoningTokens",
  "status",
  "requestId",
  "lots",
  "cause",
] as const

const NUMBER = /^-?\d+(\.\d+)?$/
/** = + - @ and the control characters that spreadsheets skip before looking for one of them. */
const FORMULA = /^[=+\-@\t\r\n]/

/** One cell, quoted where it must be. */
export const csvCell = (value: string): string => {
  const safe = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export const csvHeader = `${CSV_COLUMNS.join(",")}\r\n`

export const csvRow = (entry: Entry): string => {
  const usage = entry.usage
  const cells = [
    String(entry.seq),
    entry.at,
    entry.kind,
    entry.amountUsd,
    entry.availableAfterUsd,
    entry.description,
    usage?.model ?? "",
    usage?.provider ?? "",
    usage?.mode ?? "",
    ...(usage === null
      ? ["", "", "", "", "", ""]
      : [
          usage.inputTokens,
          usage.cacheReadTokens,
          usage.cacheWrite5mTokens,
          usage.cacheWrite1hTokens,
          usage.outputTokens,
          usage.reasoningTokens,
        ].map(String)),
    usage?.status ?? "",
    usage?.requestId ?? "",
    entry.lots.map((lot) => `${lot.id}:${lot.amountUsd}`).join(" "),
    entry.cause,
  ]
  return `${cells.map(csvCell).join(",")}\r\n`
}
