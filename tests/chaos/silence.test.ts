/**
 * Goal: a network that swallows what is said to the database holds an owner up for a bounded time; it goes on under a
 * new epoch and nothing counts twice (decision 3, I2). Method: a worker on a real Postgres by a way that falls silent.
 */
import { connectPostgres } from "@credits/store"
import { postgresForTests, silentWayTo, type SilentWay, type TestPostgres } from "@credits/testkit"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { WorkerBench } from "./worker-bench.ts"

let postgres: TestPostgres | undefined
let way: SilentWay | undefined
let bench: WorkerBench | undefined
beforeAll(async () => {
  postgres = await postgresForTests()
}, 90_000)
afterEach(async () => {
  await bench?.stop()
  await way?.stop()
})
afterAll(() => postgres?.stop())

it("I2 an owner whose database is silent gives up, takes its partitions again and answers", async ({ skip }) => {
  skip(postgres === undefined, "no Postgres on this machine")
  way = await silentWayTo(postgres!.url)
  bench = await WorkerBench.start({ partitions: [0], databaseUrl: way.url, silenceMaxMs: 500 })
  const account = "acc-p0-x"
  await bench.request({ id: "a", account, add: 1 }).all()
  const beside = await connectPostgres(postgres!.url)
  const epochOf = async () => (await beside.query("select epoch from counting.partition where id = 0")).rows[0].epoch
  const epoch = await epochOf()
  const from = bench.heard.length
  way.swallow()
  bench.request({ id: "b", account, add: 10 })
  await bench.hears("owned", ({ partitions }) => partitions.length === 1, from)
  expect(await epochOf()).toBeGreaterThan(epoch)
  await bench.request({ id: "b", account, add: 10 }).all()
  expect(await bench.totals([0])).toEqual({ [account]: 11 })
  await beside.end()
})
