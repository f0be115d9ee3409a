import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { EdgeConfig } from "./config.ts"
import { settingsOf } from "./edge.fixture.ts"
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
          Layer.succeed(
            EdgeConfig,
            settingsOf({
              dataDir,
              databaseUrl: postgres === undefined ? undefined : Redacted.make(postgres.url),
            }),
          ),
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

  const keyOf = (id: string, account: string) =>
    ({ id, scope: "control", account, name: "laptop", prefix: "wk_live_abcd", expiresAt: 99 }) as const

  it.skipIf(isMissing)("a key is found by its hash only, with when it was used last", async () => {
    await run((edge) => edge.addKey("hash-1", keyOf("key_1", "acc_1"), 1))
    const found = { id: "key_1", scope: "control", account: "acc_1", expiresAt: 99, lastUsedAt: null }
    expect(await run((edge) => edge.findKey("hash-1"))).toEqual(found)
    await run((edge) => edge.keyUsed("hash-1", 5))
    expect(await run((edge) => edge.findKey("hash-1"))).toEqual({ ...found, lastUsedAt: 5 })
    expect(await run((edge) => edge.findKey("hash-2"))).toBeNull()
    expect(await run((edge) => edge.findKey("key_1"))).toBeNull()
  })

  it.skipIf(isMissing)(
    "a session is found until it is idle or ended, and takes the place of the one before",
    async () => {
      const session = { account: "acc_1", authenticatedAt: 1, endsAt: 100, idleAt: 10 }
      const find = (hash: string, now: number) => run((edge) => edge.findSession(hash, now))
      await run((edge) => edge.addSession("s1", session, null, 1))
      expect(await find("s1", 9)).toEqual(session)
      expect(await find("s1", 10)).toBeNull()
      await run((edge) => edge.sessionUsed("s1", 20))
      expect(await find("s1", 19)).toEqual({ ...session, idleAt: 20 })
      await run((edge) => edge.addSession("s2", { ...session, idleAt: 30 }, "s1", 5))
      expect(await find("s1", 6)).toBeNull()
      await run((edge) => edge.endSession("s2"))
      expect(await find("s2", 6)).toBeNull()
    },
  )

  it.skipIf(isMissing)("a person is who the last sign-in said", async () => {
    expect(await run((edge) => edge.personOf("acc_1"))).toBeNull()
    await run((edge) => edge.tellPerson("acc_1", { email: "a@b.c", name: "A" }, 1))
    await run((edge) => edge.tellPerson("acc_1", { email: "a@b.d", name: "B" }, 2))
    expect(await run((edge) => edge.personOf("acc_1"))).toEqual({ email: "a@b.d", name: "B" })
  })

  it.skipIf(isMissing)("a revoked key is gone, and only its account can revoke it", async () => {
    await run((edge) => edge.addKey("hash-9", keyOf("key_9", "acc_9"), 7))
    expect(await run((edge) => edge.keysOf("acc_9"))).toEqual([
      { id: "key_9", name: "laptop", prefix: "wk_live_abcd", createdAt: 7, expiresAt: 99, lastUsedAt: null },
    ])
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
