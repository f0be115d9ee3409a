/**
 * Decision 20, proved on a real server: every service's nkey user tries every subject of the system. What each may do
 * is written here by hand, apart from the lists in contracts, so that a widened list fails a test.
 */
import { createUser, type KeyPair } from "@nats-io/nkeys"
import { BUS_USERS, type BusUser, BUCKETS, permissionsOf, renderAuthorization } from "@credits/contracts"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  ask,
  askOwner,
  BusRefused,
  BusUnavailable,
  type BusHandle,
  closeBus,
  connectBus,
  kvGet,
  kvPut,
  kvWatch,
  orderedReader,
  provisionStreams,
  publish,
  publishAtomic,
  serve,
  streamState,
} from "./index.ts"
import {
  SERVICES_SUBJECTS,
  POWER_SUBJECTS,
  SERVER_SUBJECTS,
  MAY_PUBLISH,
  MAY_SUBSCRIBE,
  EAVESDROPPING,
} from "./permissions.fixture.ts"

let server: TestNatsServer
const keys = {} as Record<BusUser, KeyPair>
const buses = {} as Record<BusUser, BusHandle>

beforeAll(async () => {
  for (const user of BUS_USERS) keys[user] = createUser()
  const publicKeys = Object.fromEntries(BUS_USERS.map((user) => [user, keys[user].getPublicKey()]))
  server = await natsServerForTests({ config: renderAuthorization("development", publicKeys) })
  for (const user of BUS_USERS) {
    const seed = new TextDecoder().decode(keys[user].getSeed())
    buses[user] = await connectBus({ servers: server.url, seed, name: user })
  }
  await provisionStreams(buses.dev)
})
afterAll(async () => {
  for (const user of BUS_USERS) await closeBus(buses[user])
  await server.stop()
})

/** True when the server lets the user publish there; whether anybody answers is another matter. */
const mayPublish = async (user: BusUser, subject: string): Promise<boolean> => {
  try {
    // Not a valid body of anything: a permitted API call must not do something in passing.
    await ask(buses[user].connection, subject, "?", 2_000)
    return true
  } catch (error) {
    if (error instanceof BusRefused) return false
    if (error instanceof BusUnavailable && error.outcome === "not_stored") return true
    throw error
  }
}

const maySubscribe = async (user: BusUser, subject: string): Promise<boolean> => {
  const { connection } = buses[user]
  let refused = false
  const subscription = connection.subscribe(subject, { callback: (error) => void (refused ||= error !== null) })
  // The refusal comes before the answer to the ping.
  await connection.flush()
  subscription.unsubscribe()
  return !refused
}

describe.each(BUS_USERS)("decision 20: the user %s", (user) => {
  it("may publish what its service needs and nothing else", async () => {
    const subjects = [...SERVICES_SUBJECTS, ...POWER_SUBJECTS, ...SERVER_SUBJECTS]
    const allowed: Array<string> = []
    for (const subject of subjects) if (await mayPublish(user, subject)) allowed.push(subject)
    expect(allowed.toSorted()).toEqual([...MAY_PUBLISH[user]].toSorted())
  })

  it("may subscribe to what its service needs, to its own inbox and to nobody else's", async () => {
    const allowed: Array<string> = []
    for (const subject of [...SERVICES_SUBJECTS, ...EAVESDROPPING]) {
      if (await maySubscribe(user, subject)) allowed.push(subject)
    }
    expect(allowed.toSorted()).toEqual([...MAY_SUBSCRIBE[user], `_INBOX_${user}.>`].toSorted())
  })
})

describe("decision 20: with those permissions", () => {
  it("nobody's list has $JS.> or a stream's deletion; ops deletes dead letters, who restores trims the journal", () => {
    const mayDelete: Readonly<Record<string, string>> = { ops: "DEAD_LETTERS", dev: "LEDGER_JOURNAL" }
    const power = /^(>|\$JS\.>|\$JS\.API\.>|\$SYS)|DELETE|UPDATE/
    for (const environment of ["development", "sandbox", "production"]) {
      for (const [user, { publish: subjects }] of Object.entries(permissionsOf(environment))) {
        const deleted = user in mayDelete ? [`$JS.API.STREAM.MSG.DELETE.${mayDelete[user]}`] : []
        expect(subjects.filter((subject) => power.test(subject))).toEqual(deleted)
      }
    }
  })

  it("nobody may set the clock in production", () => {
    for (const { publish: subjects } of Object.values(permissionsOf("production"))) {
      expect(subjects.filter((subject) => subject.startsWith("$KV.clock"))).toEqual([])
    }
  })

  it("a connection without a key or with a stranger's key is refused", async () => {
    const stranger = new TextDecoder().decode(createUser().getSeed())
    await expect(connectBus({ servers: server.url, name: "edge", firstConnectMs: 2_000 })).rejects.toThrow(
      /Authorization/i,
    )
    await expect(
      connectBus({ servers: server.url, name: "edge", seed: stranger, firstConnectMs: 2_000 }),
    ).rejects.toThrow(/Authorization/i)
  })

  it("the usage path works: a gateway publishes, pricing reads and sends charges, the ledger reads them", async () => {
    const stored = await publish(buses.gateway.js, "usage.events", "[1]")
    expect(stored.stream).toBe("USAGE")
    expect(await firstMessage(buses.pricing, "USAGE", ["usage.events"], stored.seq)).toBe("[1]")
    const charges = [1, 2].map((partition) => ({ subject: `ledger.command.${partition}`, payload: `[${partition}]` }))
    const batch = await publishAtomic(buses.pricing.js, charges)
    expect(
      await firstMessage(buses.ledger, "LEDGER_COMMANDS", ["ledger.command.1", "ledger.command.2"], batch.seq),
    ).toBe("[2]")
    await expect(publishAtomic(buses.edge.js, charges)).rejects.toBeInstanceOf(BusRefused)
  })

  it("the request path works: a gateway asks, the ledger answers into the gateway's own inbox", async () => {
    const responder = serve(buses.ledger.connection, "ledger.gateway.5", (text) => `{"ok":${text}}`)
    await buses.ledger.connection.flush()
    expect(await askOwner(buses.gateway.connection, "ledger.gateway.5", "1")).toBe('{"ok":1}')
    expect(await askOwner(buses.gateway.connection, "ledger.gateway.5", "2")).toBe('{"ok":2}')
    await responder.stop()
  })

  it("prices travel: pricing puts a book, edge and gateway see it, neither can put one", async () => {
    const seen: Array<string> = []
    const watch = await kvWatch(buses.gateway, BUCKETS.priceBooks, "current", (value) => seen.push(value.text))
    await kvPut(buses.pricing, BUCKETS.priceBooks, "current", '{"versions":[]}')
    await expect.poll(() => seen).toEqual(['{"versions":[]}'])
    watch.stop()
    expect((await kvGet(buses.edge, BUCKETS.priceBooks, "current"))?.text).toBe('{"versions":[]}')
    await expect(kvPut(buses.gateway, BUCKETS.priceBooks, "current", "{}")).rejects.toBeInstanceOf(BusRefused)
    await expect(kvPut(buses.edge, BUCKETS.priceBooks, "current", "{}")).rejects.toBeInstanceOf(BusRefused)
    await expect(kvGet(buses.gateway, BUCKETS.catalogues, "current")).rejects.toBeInstanceOf(BusRefused)
  })

  it("a purge by the provisioner takes only what readers have read; a service's purge is refused", async () => {
    const before = await streamState(buses.dev.jsm, "USAGE")
    await buses.dev.jsm.streams.purge("USAGE", { seq: before.last })
    expect((await streamState(buses.dev.jsm, "USAGE")).first).toBe(before.last)
    await expect(buses.pricing.jsm.streams.purge("USAGE")).rejects.toThrow(/Permissions Violation/)
  })
})

const firstMessage = (
  bus: BusHandle,
  stream: string,
  filters: ReadonlyArray<string>,
  startSeq: number,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = orderedReader(bus, {
      stream,
      filters,
      startSeq,
      onMessage: (message) => {
        resolve(new TextDecoder().decode(message.data))
        void reader.close()
      },
      onGap: (gap) => reject(new Error(gap.reason)),
      onTrouble: (detail) => reject(new Error(detail)),
    })
  })
