/** One behaviour suite over both databases: the consent's log is only added to, and who is on is known (R9.1). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { migrateNow, openDatabaseNow, type Dialect, type OpenedDatabase } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import type { Transaction } from "kysely"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { recordOf } from "./consent.ts"
import { migrations, SCHEMA_VERSION, type Tables } from "./schema.ts"
import { enabledAfter, readConsents, writeRows } from "./store.ts"
import type { TopupRow } from "./topup-state.ts"

const DIALECTS: ReadonlyArray<Dialect> = ["sqlite", "postgres"]
const consent = { capCents: 5_000, textVersion: "v1", source: "web", at: 1, keptOn: false }

for (const dialect of DIALECTS) {
  const isMissing = dialect === "postgres" && findPostgresBinaries() === undefined
  describe.skipIf(isMissing)(`auto top-up's tables on ${dialect}`, () => {
    let postgres: TestPostgres | undefined
    let folder = ""
    let database: OpenedDatabase<Tables>

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "credits-topup-store-"))
      if (dialect === "postgres") postgres = await postgresForTests()
      database = await openDatabaseNow<Tables>({ service: "topup", dataDir: folder, databaseUrl: postgres?.url })
      await migrateNow(database, migrations, SCHEMA_VERSION)
    }, 60_000)
    afterAll(async () => {
      await database.close()
      await postgres?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    const write = (...rows: ReadonlyArray<TopupRow>) =>
      database.kysely.transaction().execute((transaction) => writeRows(transaction as Transaction<unknown>, rows))

    it("R9.1 a log is read as it was written, in order, of one account", async () => {
      await write(
        { type: "consent", ...recordOf("acc_a", 1, 10, "enabled", consent, "web") },
        { type: "consent", ...recordOf("acc_b", 1, 15, "enabled", consent, "web") },
        { type: "cap_rejection", account: "acc_a" },
      )
      await write({ type: "consent", ...recordOf("acc_a", 2, 20, "ended_by_lapse", consent, "system") })
      assert.deepStrictEqual(await readConsents(database, "acc_a"), [
        { at: 10, action: "enabled", textVersion: "v1", monthlyCapCents: 5_000, source: "web" },
        { at: 20, action: "ended_by_lapse", textVersion: null, monthlyCapCents: 5_000, source: "system" },
      ])
      assert.deepStrictEqual(await readConsents(database, "acc_none"), [])
    })

    it("R9.1 a record is never written over", async () => {
      await write({ type: "consent", ...recordOf("acc_c", 1, 10, "enabled", consent, "web") })
      const again = write({ type: "consent", ...recordOf("acc_c", 1, 99, "disabled", consent, "web") })
      assert.strictEqual(await again.then(() => "written").catch(() => "refused"), "refused")
      assert.strictEqual((await readConsents(database, "acc_c"))[0]?.at, 10)
    })

    it("R9.4 who is on is found page by page", async () => {
      const enabled = (account: string, isEnabled: boolean): TopupRow => ({ type: "enabled", account, isEnabled })
      await write(enabled("acc_1", true), enabled("acc_2", true), enabled("acc_3", true), enabled("acc_2", false))
      await write(enabled("acc_1", true))
      assert.deepStrictEqual(await enabledAfter(database, "", 1), ["acc_1"])
      assert.deepStrictEqual(await enabledAfter(database, "acc_1", 5), ["acc_3"])
    })
  })
}
