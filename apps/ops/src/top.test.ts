/** Goal: `credits top` says what there is, and its rates are those between two looks. Method: looks written by hand. */
import type { ControlAnswer } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import { lagKey, type Sample } from "./top/sample.ts"
import { pictureOf } from "./top/picture.ts"
import { pictureText } from "./top/text.ts"

const AT = Date.UTC(2026, 10, 26, 12)

const answer = (change: Partial<ControlAnswer>): ControlAnswer => ({
  service: "x",
  ready: true,
  now: AT,
  nextDue: null,
  ran: 0,
  cursors: {},
  outboxPending: 0,
  openRequests: 0,
  detail: {},
  ...change,
})
const sampleOf = (at: number, change: Partial<Sample>): Sample => ({
  at,
  services: [],
  streams: [],
  waitingSince: new Map(),
  freeBytes: 5 * 1024 ** 3,
  ...change,
})
const service = (name: string, change: Partial<ControlAnswer> | null) => ({
  name,
  answer: change === null ? null : answer(change),
  silence: change === null ? "no answer" : null,
})
const stream = (name: string, last: number, bytes: number) => ({
  name,
  subjects: [],
  messages: last,
  bytes,
  maxBytes: 1000,
  first: 1,
  last,
  consumers: 0,
  created: "",
  incarnation: "",
  serverTime: null,
  config: {},
  readers: [],
})
const ledgerAt = (entries: number, requests: number, commits: number) =>
  service("ledger", {
    cursors: { LEDGER_COMMANDS: 90 },
    nextDue: AT - 5_000,
    detail: {
      owned: 64,
      owner: "host 7",
      entries,
      metrics: { requests, commits, commitMs: commits * 4, holds: 3, firstHoldExpiry: AT + 90_000 },
    },
  })
const payments = service("payments", {
  ready: false,
  detail: {
    charge: { epoch: 2, owner: "host 8" },
    method: { epoch: 3 },
    metrics: {
      oldestUnknownSeconds: 70,
      sagas: { charge: { decisions: { due: 1 }, deadLettersByReason: { defect: 2 } } },
    },
  },
})

describe("the picture of credits top", () => {
  const before = sampleOf(AT - 2_000, { services: [ledgerAt(100, 10, 5), payments, service("topup", null)] })
  const now = sampleOf(AT, {
    services: [ledgerAt(300, 30, 10), payments, service("topup", null)],
    streams: [stream("LEDGER_COMMANDS", 100, 900), stream("DEAD_LETTERS", 4, 10)],
    waitingSince: new Map([[lagKey("ledger", "LEDGER_COMMANDS"), AT - 8_000]]),
  })
  const picture = pictureOf(before, now)

  it("has owner, partitions, epoch, lag, rates, commit time, letters and late work of each service", () => {
    const [ledger, paying, topup] = picture.services
    assert.deepInclude(ledger, {
      ready: true,
      owner: "host 7",
      partitions: 64,
      lagMessages: 10,
      lagSeconds: 8,
      entriesPerSecond: 100,
      requestsPerSecond: 10,
      commitMs: 4,
      dueBacklogSeconds: 5,
    })
    assert.deepInclude(paying, { ready: false, owner: "host 8", epoch: "2, 3", deadLetters: 2 })
    assert.deepInclude(topup, { ready: null, entriesPerSecond: null })
    assert.deepInclude(picture, {
      openHolds: 3,
      firstHoldLapsesInSeconds: 90,
      oldestUnknownChargeSeconds: 70,
      deadLetters: 4,
    })
  })

  it("without a look before there are no rates; a service that began again counts from its start", () => {
    assert.deepInclude(pictureOf(null, now).services[0], { entriesPerSecond: null, commitMs: null })
    const again = pictureOf(sampleOf(AT - 1_000, { services: [ledgerAt(900, 90, 90)] }), now)
    assert.deepInclude(again.services[0], { entriesPerSecond: 300, requestsPerSecond: 30 })
  })

  it("as text: what is wrong has a word, and a colour only where one is wanted", () => {
    const text = pictureText(picture)
    for (const part of ["NOT READY", "SILENT", "IN DOUBT", "ALMOST FULL", "in 1 min"]) assert.include(text, part)
    assert.notInclude(text, "\u001b")
    assert.include(pictureText(picture, true), "\u001b[31mtopup")
  })
})
