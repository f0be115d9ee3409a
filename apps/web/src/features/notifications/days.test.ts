import { expect, it } from "vitest"
import type { Notification } from "@credits/contracts/http"
import { daysOf, ownLink } from "./days.ts"

const at = (instant: string): Notification => ({
  id: instant,
  at: instant,
  kind: "credits.at_20",
  title: "",
  body: "",
  link: "/wallet",
  data: {},
  readAt: null,
})

it("R11 groups by the reader's day, not by UTC's", () => {
  const items = [at("2026-11-26T05:30:00.000Z"), at("2026-11-26T04:30:00.000Z"), at("2026-11-25T12:00:00.000Z")]
  const shown = daysOf(items, "America/New_York").map(({ day, items: ofDay }) => [day, ofDay.length])
  expect(shown).toEqual([
    ["2026-11-26", 1],
    ["2026-11-25", 2],
  ])
  expect(daysOf(items, "UTC").map(({ items: ofDay }) => ofDay.length)).toEqual([2, 1])
})

it("keeps the order in which the server gave them", () => {
  const items = [at("2026-11-26T03:00:00.000Z"), at("2026-11-26T02:00:00.000Z")]
  expect(daysOf(items, "UTC")[0]!.items).toEqual(items)
})

it("a link leads to own pages only", () => {
  expect(ownLink("/wallet#card")).toBe("/wallet#card")
  for (const link of ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "wallet"]) {
    expect(ownLink(link)).toBe(null)
  }
})
