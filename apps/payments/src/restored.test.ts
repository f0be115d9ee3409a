/**
 * Payments whose database is a copy from before: what was charged since is with the processor alone. Goal: it is not
 * charged a second time (I6, R10.1). Method: a real database, copied, charged on, and put back; the processor goes on.
 */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { openDatabaseNow } from "@credits/store"
import { afterAll, assert, beforeAll, it } from "vitest"
import { charge, chargeRequest, saveCard, startParts, startTestPayments, type Parts } from "./payments.fixture.ts"
import type { Tables } from "./schema.ts"

let parts: Parts
beforeAll(async () => {
  parts = await startParts()
})
afterAll(() => parts.stop())

it("I6: after a restore an obligation that the processor was paid for is found there, not charged again", async () => {
  const first = await startTestPayments(parts)
  await saveCard(parts.bus, "acc_one", "tok_ok")
  await first.stop()
  const copy = join(parts.dataDir, "copies", "payments.db")
  await mkdir(join(parts.dataDir, "copies"))
  await parts.database.sqlite!.backup(copy)

  const second = await startTestPayments(parts)
  const paid = await charge(parts.bus, chargeRequest("renewal:sub_1:2"))
  assert.strictEqual(paid.charge.status, "succeeded")
  await second.stop()

  const restored = await openDatabaseNow<Tables>({ service: "payments", dataDir: join(parts.dataDir, "copies") })
  await restored.kysely.insertInto("restored").values({ at: 0n }).execute()
  const third = await startTestPayments({ ...parts, database: restored })
  const again = await charge(parts.bus, chargeRequest("renewal:sub_1:2"))
  assert.strictEqual(again.charge.status, "succeeded")
  const next = await charge(parts.bus, chargeRequest("renewal:sub_1:3"))
  assert.strictEqual(next.charge.status, "succeeded")
  await third.stop()
  await restored.close()
  const book = parts.sandbox.book().items.map(({ obligation, amountCents }) => ({ obligation, amountCents }))
  assert.deepStrictEqual(
    book.toSorted((a, b) => String(a.obligation).localeCompare(String(b.obligation))),
    [
      { obligation: "renewal:sub_1:2", amountCents: 2_000 },
      { obligation: "renewal:sub_1:3", amountCents: 2_000 },
    ],
  )
})
