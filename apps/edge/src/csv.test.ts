import type { Entry } from "@credits/contracts/http"
import { describe, expect, it } from "vitest"
import { CSV_COLUMNS, csvCell, csvHeader, csvRow } from "./csv.ts"

const entry: Entry = {
  seq: 7,
  at: "2026-01-02T00:00:00.000Z",
  kind: "charged",
  amountUsd: "-0.0105",
  availableAfterUsd: "19.9895",
  description: '=HYPERLINK("http://evil","x")',
  lots: [
    { id: "lot_1", amountUsd: "-0.01" },
    { id: "lot_2", amountUsd: "-0.0005" },
  ],
  usage: {
    model: "@SUM(A1)",
    mode: "hosted",
    provider: "openai",
    inputTokens: 1000,
    outputTokens: 500,
    cacheReadTokens: 10,
    cacheWrite5mTokens: 20,
    cacheWrite1hTokens: 30,
    reasoningTokens: 40,
    images: 0,
    requests: 1,
    status: "ok",
    requestId: "req-1",
    bookVersion: "b1",
  },
  cause: "evt_1",
}

describe("the statement as CSV", () => {
  it("a cell that a spreadsheet would run is defused", () => {
    for (const evil of ["=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"]) {
      expect(csvCell(evil).replace(/^"/, "").startsWith("'")).toBe(true)
    }
  })

  it("plain numbers stay numbers, negative ones too", () => {
    expect(csvCell("-0.0105")).toBe("-0.0105")
    expect(csvCell("12.34")).toBe("12.34")
    expect(csvCell("-1e5")).toBe("'-1e5")
  })

  it("quotes, commas and line ends are quoted (RFC 4180)", () => {
    expect(csvCell('a "b", c')).toBe('"a ""b"", c"')
    expect(csvCell("a\r\nb")).toBe('"a\r\nb"')
  })

  it("a row has a cell for every column, in their order", () => {
    const cells = csvRow({ ...entry, description: "call", usage: { ...entry.usage!, model: "m" } })
      .trimEnd()
      .split(",")
    expect(cells).toHaveLength(CSV_COLUMNS.length)
    expect(csvHeader.trimEnd().split(",")).toEqual([...CSV_COLUMNS])
    const row = Object.fromEntries(CSV_COLUMNS.map((column, index) => [column, cells[index]]))
    expect(row).toMatchObject({
      seq: "7",
      amountUsd: "-0.0105",
      model: "m",
      inputTokens: "1000",
      cacheReadTokens: "10",
      cacheWrite5mTokens: "20",
      cacheWrite1hTokens: "30",
      outputTokens: "500",
      reasoningTokens: "40",
      lots: "lot_1:-0.01 lot_2:-0.0005",
      cause: "evt_1",
    })
  })

  it("text from outside cannot begin a formula in a row", () => {
    const row = csvRow(entry)
    expect(row).toContain(`"'=HYPERLINK(""http://evil"",""x"")"`)
    expect(row).toContain(",'@SUM(A1),")
  })
})
