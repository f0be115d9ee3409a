/**
 * The adapter against the sandbox processor over HTTP. Goal: every way a call can go wrong is read as what it is (the
 * table of field notes A1), above all that nothing that may have been executed is ever taken for not executed.
 */
import { createServer, type Server } from "node:net"
import type { AddressInfo } from "node:net"
import {
  startSandboxProcessor,
  type FaultRule,
  type RequestFault,
  type SandboxProcessor,
} from "@credits/sandbox-processor"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import type { Terms } from "./charge-state.ts"
import { cardOf, Processor, type Called } from "./processor.ts"

const OF = { chargeId: "chg_1", obligation: "renewal:sub_1:1", account: "acc_one" }
/** Long enough for a busy machine's answer, short enough to wait for a lost one. */
const TIMEOUT_MS = 400

let sandbox: SandboxProcessor
let processor: Processor
let keys = 0
const key = (): string => `key_${++keys}`

beforeAll(async () => {
  sandbox = await startSandboxProcessor({ port: 0, now: () => Date.now(), webhook: null })
  processor = new Processor({ secretKey: "sk_test_x", apiBase: new URL(sandbox.url), timeoutMs: TIMEOUT_MS })
})
afterAll(async () => {
  processor.close()
  await sandbox.close()
})
beforeEach(() => sandbox.faults.clear())

const value = <A>(called: Called<A>): A => {
  if ("failed" in called) throw new Error(JSON.stringify(called.failed))
  return called.ok
}
const failure = <A>(called: Called<A>) => {
  if ("ok" in called) throw new Error(`it succeeded: ${JSON.stringify(called.ok)}`)
  return called.failed
}

/** A customer with a saved card. */
const saved = async (token: string): Promise<Terms> => {
  const customer = value(await processor.createCustomer("acc_one", key()))
  const method = value(await processor.createMethod(token, key()))
  const setup = value(await processor.setUpMethod(customer.id, "acc_one", method.id, key()))
  assert.equal(setup.status, "succeeded")
  const card = cardOf(setup.payment_method as Parameters<typeof cardOf>[0])!
  const terms = { attempt: 1, amountCents: 2_000, description: "Plus", present: false, at: 0 }
  return { ...terms, customer: customer.id, method: { ...card, status: "usable" } }
}

const created = async (token: string) => {
  const terms = await saved(token)
  return { terms, intent: value(await processor.createIntent(OF, terms, key())) }
}

const fault = (kind: RequestFault["kind"], times: number, path: string): void => {
  sandbox.faults.set([{ match: { path, method: "POST" }, fault: { kind } as RequestFault, times } as FaultRule])
}
const CONFIRM = "/v1/payment_intents/*/confirm"

describe("processor adapter: what it reads", () => {
  it("R10.3 a card is brand, last four, expiry and fingerprint", async () => {
    const { method } = await saved("tok_ok")
    const { expYear, ...rest } = method
    assert.deepInclude(rest, { brand: "visa", last4: "4242", expMonth: 12 })
    assert.isAbove(expYear, 2026)
    assert.isNotEmpty(method.fingerprint)
  })

  it("R10.1 create, confirm, retrieve: the intent carries charge, obligation and attempt", async () => {
    const { intent } = await created("tok_ok")
    assert.deepInclude(intent, { ...intent, status: "requires_confirmation", attempt: 1, chargeId: OF.chargeId })
    const paid = value(await processor.confirmIntent(intent.id, "recurring", key()))
    assert.deepInclude(paid, { status: "succeeded", receivedCents: 2_000 })
    assert.deepEqual(value(await processor.retrieveIntent(intent.id)), paid)
  })

  it("A5 a decline has all its codes, in the error and on the intent", async () => {
    const { intent } = await created("tok_stolen")
    const failed = failure(await processor.confirmIntent(intent.id, "recurring", key()))
    assert.deepEqual(failed, {
      kind: "card",
      error: {
        code: "card_declined",
        declineCode: "stolen_card",
        adviceCode: "do_not_try_again",
        networkAdviceCode: "03",
      },
    })
    const shown = value(await processor.retrieveIntent(intent.id))
    assert.equal(shown.status, "requires_payment_method")
    assert.deepEqual(shown.error, failed.kind === "card" ? failed.error : null)
  })

  it("A3 an intent whose id was never learnt is found by our charge id, and none is none", async () => {
    const { terms, intent } = await created("tok_ok")
    assert.equal(value(await processor.findIntent(terms.customer, OF.chargeId))?.id, intent.id)
    assert.isNull(value(await processor.findIntent(terms.customer, "chg_other")))
  })

  it("R10.1 new terms: the same intent with another card and amount, its last error forgotten", async () => {
    const { terms, intent } = await created("tok_insufficient_funds")
    failure(await processor.confirmIntent(intent.id, "recurring", key()))
    const method = value(await processor.createMethod("tok_ok", key()))
    const setup = value(await processor.setUpMethod(terms.customer, "acc_one", method.id, key()))
    const card = cardOf(setup.payment_method as Parameters<typeof cardOf>[0])!
    const next = { ...terms, attempt: 2, amountCents: 7_000, method: { ...card, status: "usable" as const } }
    const updated = value(await processor.updateIntent(intent.id, OF, next, key()))
    assert.deepInclude(updated, { status: "requires_confirmation", attempt: 2, amountCents: 7_000, error: null })
    assert.deepInclude(value(await processor.confirmIntent(intent.id, "recurring", key())), { receivedCents: 7_000 })
  })

  it("an unknown token, method or set-up is a mistake of the caller, not of ours", async () => {
    assert.equal(failure(await processor.createMethod("tok_nobody", key())).kind, "invalid")
    assert.equal(failure(await processor.retrieveSetup("seti_nobody")).kind, "invalid")
    const { terms } = await created("tok_ok")
    assert.equal(failure(await processor.setUpMethod(terms.customer, "acc_one", "pm_nobody", key())).kind, "invalid")
  })
})

describe("processor adapter: the table of A1", () => {
  const confirmed = async (kind: RequestFault["kind"], times: number) => {
    const { intent } = await created("tok_ok")
    fault(kind, times, CONFIRM)
    return { intent, failed: failure(await processor.confirmIntent(intent.id, "recurring", key())) }
  }

  // The SDK repeats a closed connection and a time-out once by itself: two lost answers are one lost call.
  for (const kind of ["lose_answer", "hang", "reset"] as const) {
    it(`${kind}: unknown`, async () => {
      const { failed } = await confirmed(kind, 2)
      assert.deepInclude(failed, { kind: "unknown", isOver: false })
    })
  }

  it("a truncated answer: unknown, whatever the status said", async () => {
    const { failed } = await confirmed("truncate", 2)
    assert.deepInclude(failed, { kind: "unknown", isOver: false })
  })

  for (const kind of ["error_500", "error_500_unexecuted"] as const) {
    it(`${kind}: unknown, and its repeat under the same key says that it is over`, async () => {
      const { intent } = await created("tok_ok")
      const under = key()
      fault(kind, 1, CONFIRM)
      const failed = failure(await processor.confirmIntent(intent.id, "recurring", under))
      assert.deepInclude(failed, { kind: "unknown", isOver: true })
      const shown = value(await processor.retrieveIntent(intent.id))
      assert.equal(shown.status, kind === "error_500" ? "succeeded" : "requires_confirmation")
      assert.deepInclude(failure(await processor.confirmIntent(intent.id, "recurring", under)), { isOver: true })
    })
  }

  it("409, the key is in use: unknown", async () => {
    const { failed } = await confirmed("key_in_use", 2)
    assert.deepInclude(failed, { kind: "unknown", isOver: false })
  })

  it("429: not executed, and the key is as good as new", async () => {
    const { intent } = await created("tok_ok")
    const under = key()
    sandbox.faults.set([{ match: { path: CONFIRM }, fault: { kind: "rate_limited", retryAfterSeconds: 7 }, times: 1 }])
    const failed = failure(await processor.confirmIntent(intent.id, "recurring", under))
    assert.deepInclude(failed, { kind: "refused", retryAfterMs: 7_000, isOurs: false })
    assert.equal(value(await processor.confirmIntent(intent.id, "recurring", under)).status, "succeeded")
  })

  it("A1 an answer lost, then a 429 for the SDK's own repeat: unknown, the first may have been executed", async () => {
    const { intent } = await created("tok_ok")
    sandbox.faults.set([
      { match: { path: CONFIRM }, fault: { kind: "lose_answer" }, times: 1 },
      { match: { path: CONFIRM }, fault: { kind: "rate_limited" }, times: 1 },
    ])
    const failed = failure(await processor.confirmIntent(intent.id, "recurring", key()))
    assert.deepInclude(failed, { kind: "unknown", isOver: false })
    assert.equal(value(await processor.retrieveIntent(intent.id)).status, "succeeded")
  })

  it("the same key for other parameters: a defect of ours, told as such", async () => {
    const { terms } = await created("tok_ok")
    const under = key()
    value(await processor.createIntent(OF, terms, under))
    assert.equal(
      failure(await processor.createIntent(OF, { ...terms, amountCents: 1_999 }, under)).kind,
      "key_mismatch",
    )
  })

  it("confirming what has succeeded is refused, and charges nothing", async () => {
    const { intent } = await created("tok_ok")
    value(await processor.confirmIntent(intent.id, "recurring", key()))
    const before = sandbox.book().totals.count
    assert.equal(failure(await processor.confirmIntent(intent.id, "recurring", key())).kind, "invalid")
    assert.equal(sandbox.book().totals.count, before)
  })

  it("402 authentication_required: a card error that is no decline", async () => {
    const { intent } = await created("tok_authentication_required")
    const failed = failure(await processor.confirmIntent(intent.id, "unscheduled", key()))
    assert.deepInclude(failed.kind === "card" ? failed.error : {}, { code: "authentication_required" })
    assert.equal(
      value(await processor.confirmIntent((await created("tok_authentication_required")).intent.id, null, key()))
        .status,
      "requires_action",
    )
  })
})

describe("processor adapter: no processor", () => {
  const gone = async (listen: (server: Server) => void): Promise<Processor> => {
    const server = createServer()
    listen(server)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    servers.push(server)
    return new Processor({ secretKey: "sk", apiBase: new URL(`http://127.0.0.1:${port}`), timeoutMs: TIMEOUT_MS })
  }
  const servers: Array<Server> = []
  afterAll(() => {
    for (const server of servers) server.close()
  })

  it("a connection that is refused was never sent: not executed", async () => {
    const away = await gone(() => undefined)
    await new Promise((resolve) => servers.at(-1)!.close(resolve))
    assert.deepInclude(failure(await away.createCustomer("acc_one", key())), { kind: "refused" })
  })

  it("a connection that is cut: unknown, for something was sent", async () => {
    const away = await gone((server) =>
      server.on("connection", (socket) => socket.once("data", () => socket.destroy())),
    )
    assert.deepInclude(failure(await away.createCustomer("acc_one", key())), { kind: "unknown" })
  })

  it("cut once and refused then: unknown", async () => {
    const away = await gone((server) =>
      server.on("connection", (socket) => {
        server.close()
        socket.once("data", () => socket.destroy())
      }),
    )
    assert.deepInclude(failure(await away.createCustomer("acc_one", key())), { kind: "unknown" })
  })
})
