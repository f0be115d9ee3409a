/**
 * Goal: the commands about webhooks keep the conventions of contract section 6. Method: the whole command line in this
 * process, a real nats-server with the operators' own permissions, a stand-in for the service.
 */
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { smallSystem, type SmallSystem } from "./testing/small-system.ts"

type Fields = Record<string, unknown>
let system: SmallSystem
beforeAll(async () => {
  system = await smallSystem()
})
afterAll(() => system.stop())
beforeEach(() => {
  system.webhooks.asked.length = 0
})

const credits = (...args: ReadonlyArray<string>) => system.credits("webhook", ...args)
const APPLY = ["--apply", "--reason", "ticket 1"]
const SECRET = "whsec_c2VjcmV0"
const URL_OF_DESK = "https://desk.example/hooks"

/** One that is there, by its id. */
const added = async (...more: ReadonlyArray<string>): Promise<string> =>
  String((await credits("add", URL_OF_DESK, ...more, ...APPLY, "--json")).json<{ after: Fields }>().after["webhookId"])

describe("webhook", () => {
  it("add is a dry run until --apply, asks nobody before, and wants a reason", async () => {
    const dry = await credits("add", URL_OF_DESK)
    assert.strictEqual(dry.exit, 0)
    assert.include(dry.stderr, "dry run")
    assert.deepStrictEqual(system.webhooks.asked, [])
    assert.strictEqual((await credits("add", URL_OF_DESK, "--apply")).exit, 2)
  })

  it("add shows the secret once; the audit, list and show never have it", async () => {
    const run = await credits(
      "add",
      URL_OF_DESK,
      "--events",
      "payment.failed, topup.failed",
      "--description",
      "desk",
      ...APPLY,
    )
    assert.strictEqual(run.exit, 0)
    assert.strictEqual(run.stdout.split(SECRET).length, 2)
    assert.deepInclude(system.webhooks.asked[0], {
      op: "webhook-add",
      url: URL_OF_DESK,
      description: "desk",
      events: ["payment.failed", "topup.failed"],
    })
    const webhookId = await added()
    for (const args of [["list"], ["list", "--json"], ["show", webhookId], ["show", webhookId, "--json"]]) {
      const { exit, stdout } = await credits(...args)
      assert.strictEqual(exit, 0)
      assert.include(stdout, webhookId)
      assert.notInclude(stdout, SECRET)
    }
    const audit = await system.credits("audit", "list", "--json")
    const rows = audit.json<{ items: Array<Fields> }>().items.filter((row) => row["command"] === "webhook add")
    assert.isAtLeast(rows.length, 2)
    assert.notInclude(audit.stdout, SECRET)
  })

  it("add refuses a kind that does not exist and a text that is no URL: usage (2)", async () => {
    assert.strictEqual((await credits("add", URL_OF_DESK, "--events", "gossip")).exit, 2)
    assert.strictEqual((await credits("add", "desk")).exit, 2)
    assert.deepStrictEqual(system.webhooks.asked, [])
  })

  it("test shows what came back, and fails (1) when it did not arrive", async () => {
    const webhookId = await added()
    const ok = await credits("test", webhookId)
    assert.deepStrictEqual([ok.exit, ok.stdout.trim()], [0, "delivered in 7 ms: HTTP 204"])
    system.webhooks.test = { delivered: false, status: 500, detail: "HTTP 500: no", tookMs: 9 }
    const not = await credits("test", webhookId, "--json")
    assert.strictEqual(not.exit, 1)
    assert.deepInclude(not.json<Fields>(), { webhookId, delivered: false, status: 500 })
  })

  it("remove is a dry run until --apply; one that is not there is not found (3)", async () => {
    const webhookId = await added()
    assert.include((await credits("remove", webhookId)).stderr, "dry run")
    assert.strictEqual(system.webhooks.webhooks.get(webhookId)?.status, "enabled")
    const run = await credits("remove", webhookId, ...APPLY, "--json")
    assert.strictEqual(run.exit, 0)
    assert.nestedInclude(run.json<Fields>(), { applied: true, "after.status": "removed" })
    assert.strictEqual((await credits("remove", "whk_none", ...APPLY)).exit, 3)
    assert.strictEqual((await credits("show", "whk_none")).exit, 3)
    assert.strictEqual((await credits("test", "whk_none")).exit, 3)
  })
})
