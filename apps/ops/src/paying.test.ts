/**
 * Goal: the commands about subscriptions, charges, cases and auto top-up keep the conventions of contract section 6.
 * Method: the whole command line in this process, a real nats-server, stand-ins for the services.
 */
import type { ChargeStatus } from "@credits/contracts"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { SUBSCRIBER } from "./testing/paying.ts"
import { smallSystem, type SmallSystem } from "./testing/small-system.ts"
import { shellWith } from "./testing/terminal.ts"

type Fields = Record<string, unknown>
let system: SmallSystem
beforeAll(async () => {
  system = await smallSystem()
})
afterAll(() => system.stop())
beforeEach(() => {
  system.paying.asked.length = 0
})

const credits = (...args: ReadonlyArray<string>) => system.credits(...args)
const apply = (reason = "ticket 1") => ["--apply", "--reason", reason]
const opsAsked = () => system.paying.asked.map(({ op }) => op)
const auditOf = async (command: string) => {
  const { items } = (await credits("audit", "list", "--json")).json<{ items: Array<Fields> }>()
  return items.filter((row) => row["command"] === command).map((row) => row["phase"])
}

describe("account entitle", () => {
  it("gives the plan through subscriptions, with who and why, and keeps its output", async () => {
    const run = await credits("account", "entitle", "acc_a", "--plan", "pro", ...apply("partner"), "--json")
    assert.strictEqual(run.exit, 0)
    assert.deepInclude(run.json<Fields>(), { applied: true, plan: "pro", hostedModels: true })
    const request = system.paying.asked.at(-1) as unknown as Fields
    assert.deepInclude(request, { op: "complimentary", account: "acc_a", plan: "pro", reason: "partner" })
    assert.match(String(request["by"]), /.+@.+/)
  })

  it("never replaces what was paid for: conflict (4)", async () => {
    const run = await credits("account", "entitle", SUBSCRIBER, "--plan", "pro", ...apply())
    assert.strictEqual(run.exit, 4)
  })

  it("of 50 accounts is one process and takes no longer than a moment", async () => {
    const accounts = Array.from({ length: 50 }, (_, i) => `acc_many${i}`)
    const began = performance.now()
    const run = await credits("account", "entitle", ...accounts, "--plan", "pro", ...apply())
    assert.strictEqual(run.exit, 0)
    assert.isBelow(performance.now() - began, 3_000)
  })
})

describe("subscription", () => {
  it("show prints the subscription for people and programs; Free is a subscription too", async () => {
    const text = await credits("subscription", "show", SUBSCRIBER)
    assert.strictEqual(text.exit, 0)
    assert.match(text.stdout, /plan +pro, monthly/)
    assert.match(text.stdout, /renews +2026-12-23T10:00:00\.000Z, 100\.00 USD/)
    const json = (await credits("subscription", "show", SUBSCRIBER, "--json")).json<Fields>()
    assert.deepInclude(json, { plan: "pro", status: "active", currentPeriodEnd: "2026-12-23T10:00:00.000Z" })
    assert.deepInclude(json["renewal"], { amountUsd: "100.00" })
    assert.match((await credits("subscription", "show", "acc_nobody")).stdout, /plan +free/)
    assert.strictEqual((await credits("subscription", "show", "nobody")).exit, 2)
  })

  it("R5.3 downgrade is a dry run until --apply, then scheduled with who and why", async () => {
    const dry = await credits("subscription", "downgrade", SUBSCRIBER, "--plan", "plus")
    assert.strictEqual(dry.exit, 0)
    assert.match(dry.stdout, /planned +pro, monthly +plus, monthly +2026-12-23/)
    assert.include(dry.stderr, "dry run")
    assert.deepEqual(opsAsked(), ["show"])
    assert.strictEqual((await credits("subscription", "downgrade", SUBSCRIBER, "--plan", "plus", "--apply")).exit, 2)
    const done = await credits("subscription", "downgrade", SUBSCRIBER, "--plan", "plus", ...apply(), "--json")
    assert.strictEqual(done.exit, 0)
    assert.deepInclude(system.paying.asked.at(-1), { op: "downgrade", plan: "plus", interval: "monthly" })
    assert.deepEqual(await auditOf("subscription downgrade"), ["ended", "began"])
    assert.match((await credits("subscription", "show", SUBSCRIBER)).stdout, /SCHEDULED +plus, monthly from 2026-12-23/)
  })

  it("R5.1 cancel stops the renewal; without a subscription it is a conflict (4)", async () => {
    assert.strictEqual((await credits("subscription", "cancel", SUBSCRIBER, ...apply())).exit, 0)
    assert.deepInclude(system.paying.asked.at(-1), { op: "cancel", account: SUBSCRIBER, reason: "ticket 1" })
    assert.strictEqual((await credits("subscription", "cancel", "acc_b", ...apply())).exit, 4)
  })
})

describe("charge", () => {
  it("list filters and pages; another state is usage (2)", async () => {
    const all = await credits("charge", "list", "--account", SUBSCRIBER)
    assert.match(all.stdout, /chg_1 .*16\.00 +succeeded +first:sub_1/)
    const review = (await credits("charge", "list", "--status", "review", "--json")).json<{ items: Array<Fields> }>()
    assert.deepEqual(
      review.items.map(({ chargeId }) => chargeId),
      ["chg_2"],
    )
    assert.include((await credits("charge", "list", "--limit", "1")).stdout, "more: --cursor c1")
    assert.strictEqual((await credits("charge", "list", "--status", "lost")).exit, 2)
    assert.strictEqual((await credits("charge", "list", "--limit", "201")).exit, 2)
    assert.strictEqual((await credits("charge", "list", "--account", "x")).exit, 2)
  })

  it("show of a charge that does not exist is not found (3)", async () => {
    assert.match((await credits("charge", "show", "chg_1")).stdout, /card +visa 4242/)
    assert.strictEqual((await credits("charge", "show", "chg_9")).exit, 3)
  })

  it("R10.2 resolve shows the charge until --apply; one that nobody has to decide is a conflict (4)", async () => {
    const dry = await credits("charge", "resolve", "chg_2", "--outcome", "succeeded", "--json")
    assert.deepInclude(dry.json<Fields>(), { applied: false, chargeId: "chg_2", outcome: "succeeded" })
    assert.deepEqual(opsAsked(), ["charge-show"])
    const known = await credits("charge", "resolve", "chg_1", "--outcome", "not_executed", ...apply())
    assert.strictEqual(known.exit, 4)
    assert.include(known.stderr, "its outcome is known")
    const { charges } = system.paying
    const doubtful = charges.get("chg_2")!
    charges.set("chg_2", { ...doubtful, status: "unknown" })
    const early = await credits("charge", "resolve", "chg_2", "--outcome", "succeeded")
    assert.strictEqual(early.exit, 4)
    assert.include(early.stderr, "24 hours")
    charges.set("chg_2", doubtful)
    assert.deepEqual(await auditOf("charge resolve"), [])
    const done = await credits("charge", "resolve", "chg_2", "--outcome", "succeeded", ...apply("seen"), "--json")
    assert.strictEqual(done.exit, 0)
    assert.nestedPropertyVal(done.json(), "after.status", "succeeded")
    assert.strictEqual((await credits("charge", "resolve", "chg_2", "--outcome", "maybe")).exit, 2)
  })

  it("R10.2 look-up asks the processor: told dry, taken over with --apply, a reason and an audit row", async () => {
    const { charges } = system.paying
    const doubtful = charges.get("chg_2")!
    charges.set("chg_2", { ...doubtful, status: "review" })
    const dry = await credits("charge", "look-up", "chg_2")
    assert.strictEqual(dry.exit, 0)
    assert.include(dry.stdout, "the processor shows processing: review here, would become succeeded")
    assert.match(dry.stdout, /status +review/)
    assert.include(dry.stderr, "dry run")
    assert.deepEqual(opsAsked(), ["charge-look-up"])
    assert.notProperty(system.paying.asked.at(-1), "take")
    assert.strictEqual(charges.get("chg_2")?.status, "review")
    const json = (await credits("charge", "look-up", "chg_2", "--json")).json<Fields>()
    assert.nestedPropertyVal(json, "before.statusBefore", "review")
    assert.nestedPropertyVal(json, "before.wouldBecome.status", "succeeded")
    assert.strictEqual((await credits("charge", "look-up", "chg_2", "--apply")).exit, 2)
    assert.deepEqual(await auditOf("charge look-up"), [])
    const done = await credits("charge", "look-up", "chg_2", ...apply("the customer waits"))
    assert.strictEqual(done.exit, 0)
    assert.include(done.stdout, "review before, succeeded now")
    assert.deepInclude(system.paying.asked.at(-1), { op: "charge-look-up", chargeId: "chg_2" })
    assert.nestedPropertyVal(system.paying.asked.at(-1), "take.reason", "the customer waits")
    assert.strictEqual(charges.get("chg_2")?.status, "succeeded")
    assert.deepEqual(await auditOf("charge look-up"), ["ended", "began"])
    charges.set("chg_2", doubtful)
  })

  it("R10.2 look-up has an answer for every state, for no charge, and for a processor that is away", async () => {
    const { charges } = system.paying
    const charge = charges.get("chg_2")!
    const says = async (status: ChargeStatus, words: string) => {
      charges.set("chg_2", { ...charge, status })
      system.paying.shown = status
      const run = await credits("charge", "look-up", "chg_2")
      assert.strictEqual(run.exit, 0, status)
      assert.include(run.stdout, words, status)
    }
    await says("planned", "it waits for its turn")
    await says("submitting", "its own call is under way")
    await says("succeeded", "it was charged")
    await says("declined", "declined, nothing was taken")
    await says("action_required", "has not passed the bank's check")
    await says("not_executed", "nothing was taken")
    await says("unknown", "goes on looking by itself for 24 hours")
    await says("review", "then `credits charge resolve`")
    await says("canceled", "closed, nothing was taken")
    charges.set("chg_2", charge)
    system.paying.isProcessorAway = true
    const away = await credits("charge", "look-up", "chg_2", "--json")
    system.paying.isProcessorAway = false
    assert.strictEqual(away.exit, 1)
    assert.nestedPropertyVal(away.json(), "error.code", "unavailable")
    assert.strictEqual((await credits("charge", "look-up", "chg_9")).exit, 3)
  })

  it("R5.2 refund needs --apply and a reason", async () => {
    assert.strictEqual((await credits("charge", "refund", "chg_1")).exit, 0)
    assert.isFalse(system.paying.charges.get("chg_1")?.refunded)
    assert.strictEqual((await credits("charge", "refund", "chg_1", "--apply")).exit, 2)
    assert.strictEqual((await credits("charge", "refund", "chg_1", ...apply("proven duplicate"))).exit, 0)
    assert.isTrue(system.paying.charges.get("chg_1")?.refunded)
    assert.match((await credits("charge", "show", "chg_1")).stdout, /status +succeeded, refunded/)
    assert.strictEqual((await credits("charge", "refund", "chg_9", ...apply())).exit, 3)
  })
})

describe("review", () => {
  it("list and show give support the evidence first (R5.2)", async () => {
    assert.match((await credits("review", "list", "--status", "open")).stdout, /rev_1 .*charged twice/)
    const shown = await credits("review", "show", "rev_1")
    assert.include(shown.stdout, "same amount within 10 minutes: chg_2")
    assert.match(shown.stdout, /charge +chg_1/)
    assert.strictEqual((await credits("review", "show", "rev_9")).exit, 3)
  })

  it("answer tells the customer, once --apply is given", async () => {
    const text = ["--answer", "The second charge is refunded."]
    assert.strictEqual((await credits("review", "answer", "rev_1", ...text)).exit, 0)
    assert.strictEqual(system.paying.review.status, "open")
    assert.strictEqual((await credits("review", "answer", "rev_1", "--answer", " ", ...apply())).exit, 2)
    assert.strictEqual((await credits("review", "answer", "rev_1", ...text, ...apply())).exit, 0)
    assert.strictEqual(system.paying.review.answer, "The second charge is refunded.")
    assert.include((await credits("review", "list", "--status", "open")).stdout, "no cases")
  })
})

describe("topup", () => {
  it("show has the cap, the month and every consent (R9.1)", async () => {
    const { stdout } = await credits("topup", "show", SUBSCRIBER)
    assert.match(stdout, /20\.00 USD topped up, 10\.00 in flight, 20\.00 left of 50\.00/)
    assert.match(stdout, /enabled +50\.00 +1 +customer, HTTP/)
    const json = (await credits("topup", "show", SUBSCRIBER, "--json")).json<Fields>()
    assert.deepInclude(json, { enabled: true, state: "charging", monthlyCapUsd: "50.00", remainingUsd: "20.00" })
  })

  it("suspend stops it until the customer acts", async () => {
    assert.match((await credits("topup", "suspend", SUBSCRIBER)).stdout, /the one in flight completes/)
    assert.strictEqual((await credits("topup", "suspend", SUBSCRIBER, ...apply())).exit, 0)
    assert.deepInclude(system.paying.asked.at(-1), { op: "suspend", reason: "ticket 1" })
    assert.strictEqual(system.paying.topup.state, "suspended")
  })
})

describe("recon run", () => {
  it("R10.4 is 0 when nothing differs and 1 with every finding when something does", async () => {
    const clean = await credits("recon", "run", "--json")
    assert.strictEqual(clean.exit, 0)
    assert.deepInclude(clean.json<Fields>(), { ok: true, compared: 2 })
    system.paying.findings = [
      {
        kind: "missing_here",
        chargeId: null,
        processorId: "pi_9",
        obligation: "topup:9",
        account: SUBSCRIBER,
        detail: "16.00 USD were charged and are not known here",
        foundAt: Date.UTC(2026, 10, 24),
      },
    ]
    const found = await credits("recon", "run", "--from", "2026-11-01T00:00:00Z")
    system.paying.findings = []
    assert.strictEqual(found.exit, 1)
    assert.match(found.stdout, /missing_here +– +pi_9/)
    assert.strictEqual((await credits("recon", "run", "--from", "yesterday")).exit, 2)
  })
})

describe("help", () => {
  it("every one of these commands has help with an example, and stands in the reference", async () => {
    const reference = readFileSync(join(import.meta.dirname, "../../../docs/reference/credits.md"), "utf8")
    const commands = [
      ...["show", "downgrade", "cancel"].map((verb) => ["subscription", verb]),
      ...["list", "show", "look-up", "resolve", "refund"].map((verb) => ["charge", verb]),
      ...["list", "show", "answer"].map((verb) => ["review", verb]),
      ...["show", "suspend"].map((verb) => ["topup", verb]),
      ["recon", "run"],
    ]
    for (const command of commands) {
      const { stdout, exit } = await shellWith({})(...command, "--help")
      assert.strictEqual(exit, 0, command.join(" "))
      assert.include(stdout, "EXAMPLES", command.join(" "))
      assert.include(reference, `## credits ${command.join(" ")}\n`)
    }
  })
})
