import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { EdgeConfig } from "./config.ts"
import { EdgeStore } from "./store.ts"

/** One behaviour over both databases. */
describe.each(["sqlite", "postgres"] as const)("the edge's own tables on %s", (dialect) => {
  const isMissing = dialect === "postgres" && findPostgresBinaries() === undefined
  let postgres: TestPostgres | undefined
  let dataDir = ""
  const open = () =>
    ManagedRuntime.make(
      EdgeStore.layer.pipe(
        Layer.provide(
          Layer.succeed(EdgeConfig, {
            mode: "development",
            host: "127.0.0.1",
            port: 0,
            dataDir,
            databaseUrl: postgres === undefined ? undefined : Redacted.make(postgres.url),
            freeSpaceMark: 0,
            tokenIssuer: undefined,
            processorUrl: undefined,
            supportUrl: undefined,
            clockOwners: [],
          }),
        ),
      ),
    )
  let store: ReturnType<typeof open>
  const run = <A, E>(use: (edge: EdgeStore["Service"]) => Effect.Effect<A, E>) =>
    store.runPromise(Effect.flatMap(EdgeStore, use))

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "credits-edge-store-"))
    if (dialect === "postgres" && !isMissing) postgres = await postgresForTests()
    store = open()
  }, 60_000)
  afterAll(async () => {
    await store.dispose()
    await postgres?.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it.skipIf(isMissing)("a subject keeps the account it got first, also when many ask at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => run((edge) => edge.accountOf("email:a@b.c", `acc_${i}`, 1))),
    )
    expect(new Set(answers).size).toBe(1)
    expect(await run((edge) => edge.accountOf("email:a@b.c", "acc_other", 2))).toBe(answers[0])
    expect(await run((edge) => edge.accountOf("email:x@b.c", "acc_x", 2))).toBe("acc_x")
  })

  it.skipIf(isMissing)("a key is found by its hash only", async () => {
    await run((edge) => edge.addKey("hash-1", { id: "key_1", scope: "control", account: "acc_1", name: "laptop" }, 1))
    expect(await run((edge) => edge.findKey("hash-1"))).toEqual({ id: "key_1", scope: "control", account: "acc_1" })
    expect(await run((edge) => edge.findKey("hash-2"))).toBeNull()
    expect(await run((edge) => edge.findKey("key_1"))).toBeNull()
  })

  it.skipIf(isMissing)("a revoked key is gone, and only its account can revoke it", async () => {
    await run((edge) => edge.addKey("hash-9", { id: "key_9", scope: "control", account: "acc_9", name: "ci" }, 7))
    expect(await run((edge) => edge.keysOf("acc_9"))).toEqual([{ id: "key_9", name: "ci", createdAt: 7 }])
    expect(await run((edge) => edge.revokeKey("acc_1", "key_9", 8))).toBe(false)
    expect(await run((edge) => edge.revokeKey("acc_9", "key_9", 8))).toBe(true)
    expect(await run((edge) => edge.revokeKey("acc_9", "key_9", 9))).toBe(false)
    expect(await run((edge) => edge.findKey("hash-9"))).toBeNull()
    expect(await run((edge) => edge.keysOf("acc_9"))).toEqual([])
  })

  it.skipIf(isMissing)("an idempotency key belongs to the first request of its owner, for ever", async () => {
    const bind = (owner: string, hash: string) => run((edge) => edge.bindIdempotencyKey(owner, "k", hash, 1))
    const bound = { isSame: true, answer: null }
    expect(await bind("key_1", "a")).toEqual(bound)
    expect(await bind("key_1", "a")).toEqual(bound)
    expect(await bind("key_1", "b")).toEqual({ isSame: false, answer: null })
    expect(await bind("key_2", "b")).toEqual(bound)
  })

  it.skipIf(isMissing)("the first answer under a key is kept, for ever and for its owner", async () => {
    await run((edge) => edge.keepAnswer("key_1", "k", "first"))
    await run((edge) => edge.keepAnswer("key_1", "k", "second"))
    const bind = (owner: string, hash: string) => run((edge) => edge.bindIdempotencyKey(owner, "k", hash, 2))
    expect(await bind("key_1", "a")).toEqual({ isSame: true, answer: "first" })
    expect(await bind("key_2", "b")).toEqual({ isSame: true, answer: null })
  })

  it.skipIf(isMissing)("what was stored is there after a restart", async () => {
    await store.dispose()
    store = open()
    expect(await run((edge) => edge.findKey("hash-1"))).not.toBeNull()
    expect(await run((edge) => edge.bindIdempotencyKey("key_1", "k", "b", 1))).toMatchObject({ isSame: false })
    await run((edge) => edge.ping)
  })
})
