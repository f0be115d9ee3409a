/** Goal: at the ledger's border a request is understood whole or refused naming what is wrong; nothing in between. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { NANO_AMOUNT_MAX, partitionOf } from "@credits/kernel"
import { HOLD_TTL_MAX_MS, HOLD_TTL_MS } from "./authorize.ts"
import { holdId } from "./account.fixture.ts"
import { decodeRequest, type Command } from "./command.ts"
import { NEVER } from "./lot.ts"

const ACCOUNT = "acc_test"
const PARTITION = partitionOf(ACCOUNT)

const decoded = (request: unknown, restricted = false) => decodeRequest(JSON.stringify(request), PARTITION, restricted)
const accepted = (request: Readonly<Record<string, unknown>>): Command => {
  const command = decoded({ account: ACCOUNT, id: "r1", ...request })
  if ("code" in command) throw new Error(`refused: ${command.detail}`)
  return command
}
/** The field a refusal names, "accepted" when there is none. */
const named = (request: unknown, restricted = false): string | undefined => {
  const command = decoded(request, restricted)
  if (!("code" in command)) return "accepted"
  assert.strictEqual(command.code, "invalid")
  assert.isNotEmpty(command.detail)
  return command.field
}

const authorize = { op: "authorize", id: "r1", account: ACCOUNT, amount: "5" }
const grant = { op: "grant", id: "r1", account: ACCOUNT, kind: "plan", amount: "5", cause: "c" }
const exchange = {
  op: "exchange",
  id: "r1",
  account: ACCOUNT,
  from: "cycle:1",
  back: "0",
  grant: { kind: "plan", amount: "5", expiresAt: 9, cause: "c" },
}

describe("a request that is well", () => {
  it("R6.3 an authorization holds 15 minutes unless asked otherwise, at most an hour", () => {
    const plain = accepted({ op: "authorize", amount: "5" })
    assert.deepInclude(plain, { op: "authorize", amount: 5n, atLeast: null, ttl: HOLD_TTL_MS })
    assert.strictEqual(HOLD_TTL_MS, 900_000)
    assert.deepInclude(accepted({ op: "authorize", amount: "5", atLeast: "2", ttl: 1 }), { atLeast: 2n, ttl: 1 })
    assert.strictEqual(named({ ...authorize, ttl: HOLD_TTL_MAX_MS }), "accepted")
    assert.strictEqual(named({ ...authorize, ttl: HOLD_TTL_MAX_MS + 1 }), "ttl")
  })

  it("R1.8 an entitlement without an end goes on, without a begin it begins now", () => {
    const command = accepted({ op: "entitle", plan: "plus", hostedModels: true })
    assert.deepInclude(command, { op: "entitle", reason: "" })
    assert.deepStrictEqual(command.op === "entitle" && command.entitlement, {
      plan: "plus",
      hostedModels: true,
      from: null,
      until: NEVER,
      pastDue: false,
      lowBelow: null,
      cycle: null,
    })
  })

  it("R6.6 its content is the same whatever the order of its fields, and another when any value is", () => {
    const one = accepted({ op: "grant", kind: "plan", amount: "5", cause: "c", reason: "r" })
    const two = accepted({ reason: "r", cause: "c", op: "grant", amount: "5", kind: "plan" })
    assert.strictEqual(one.content, two.content)
    assert.strictEqual(one.key, "grant:r1")
    for (const other of [{ amount: "6" }, { cause: "d" }, { reason: "s" }, { kind: "promo" }, { expiresAt: 9 }]) {
      const command = accepted({ op: "grant", kind: "plan", amount: "5", cause: "c", reason: "r", ...other })
      assert.notStrictEqual(command.content, one.content, JSON.stringify(other))
    }
  })

  it("R4.3 an exchange says what is to come back and what is granted, alone or in a group", () => {
    const granted = { kind: "plan" as const, amount: 5n, expiresAt: 9, cause: "c" }
    const common = { op: "exchange" as const, from: "cycle:1", back: 0n, grant: granted, reason: "", id: "r1" }
    const command = { ...common, fromExpiresAt: null }
    assert.deepInclude(accepted(exchange), command)
    assert.deepInclude(accepted({ ...exchange, fromExpiresAt: 7 }), { ...common, fromExpiresAt: 7 })
    const group = accepted({ op: "group", commands: [exchange, grant] })
    assert.deepInclude(group.op === "group" ? group.commands[0] : undefined, command)
  })

  it("R7.4 a reversal's id is its charge: whoever asks, there is one", () => {
    const [one, two] = ["v1", "v2"].map((id) =>
      accepted({ op: "reverse", id, chargeId: "evt-1", reason: "wrong price" }),
    )
    assert.strictEqual(one?.key, "reverse:evt-1")
    assert.strictEqual(two?.key, one?.key)
    assert.strictEqual(two?.content, one?.content)
    const rerating = accepted({ op: "reverse", nth: 2, chargeId: "evt-1", reason: "wrong price" })
    assert.strictEqual(rerating.key, "rerate:2:evt-1")
  })

  it("reads leave nothing behind: they have no key", () => {
    for (const request of [{ op: "wallet" }, { op: "statement", limit: 500 }, { op: "hold", holdId: holdId(1) }]) {
      const command = decoded({ ...request, account: ACCOUNT })
      assert.isTrue("key" in command && command.key === "", JSON.stringify(request))
    }
  })
})

describe("a request that is not", () => {
  it("names the first field that is wrong", () => {
    const table: ReadonlyArray<readonly [field: string, request: unknown]> = [
      ["op", {}],
      ["op", { op: "constructor", account: ACCOUNT }],
      ["op", { op: "steal", account: ACCOUNT }],
      ["account", { ...authorize, account: "acc_" }],
      ["account", { ...authorize, account: ["acc_test"] }],
      ["id", { ...authorize, id: "a b" }],
      ["id", { ...authorize, id: "x".repeat(129) }],
      ["id", { ...authorize, id: 'a"b' }],
      ["amount", { ...authorize, amount: 5 }],
      ["amount", { ...authorize, amount: "5.0" }],
      ["amount", { ...authorize, amount: "-1" }],
      ["amount", { ...authorize, amount: (NANO_AMOUNT_MAX + 1n).toString() }],
      ["amount", { ...grant, amount: "0" }],
      ["atLeast", { ...authorize, atLeast: "6" }],
      ["ttl", { ...authorize, ttl: 0 }],
      ["ttl", { ...authorize, ttl: 1.5 }],
      ["ttl", { ...authorize, ttl: "60" }],
      ["surprise", { ...authorize, surprise: 1 }],
      ["__proto__", JSON.parse(`{"op":"authorize","id":"r","account":"${ACCOUNT}","amount":"5","__proto__":{}}`)],
      ["kind", { ...grant, kind: "gift" }],
      ["expiresAt", { ...grant, expiresAt: -1 }],
      ["expiresAt", { ...grant, expiresAt: 1e16 }],
      ["cause", { ...grant, cause: "" }],
      ["reason", { op: "adjust", id: "r", account: ACCOUNT, amount: "5" }],
      ["reason", { op: "adjust", id: "r", account: ACCOUNT, amount: "5", reason: "  " }],
      ["reason", { op: "freeze", id: "r", account: ACCOUNT, reason: "x".repeat(501) }],
      ["amount", { op: "adjust", id: "r", account: ACCOUNT, amount: "0", reason: "r" }],
      ["holdId", { op: "release", id: "r", account: ACCOUNT, holdId: "hold_1" }],
      ["holdId", { op: "release", id: "r", account: ACCOUNT, holdId: holdId(1, "acc_other") }],
      ["plan", { op: "entitle", id: "r", account: ACCOUNT, plan: "Plus!", hostedModels: true }],
      ["hostedModels", { op: "entitle", id: "r", account: ACCOUNT, plan: "plus" }],
      ["cycle", { op: "entitle", id: "r", account: ACCOUNT, plan: "plus", hostedModels: true, cycle: null }],
      [
        "cycle",
        { op: "entitle", id: "r", account: ACCOUNT, plan: "plus", hostedModels: true, cycle: { start: 5, end: 5 } },
      ],
      [
        "cycle.length",
        {
          op: "entitle",
          id: "r",
          account: ACCOUNT,
          plan: "plus",
          hostedModels: true,
          cycle: { start: 1, end: 5, length: 4 },
        },
      ],
      ["mark", { op: "mark", id: "r", account: ACCOUNT, mark: "other" }],
      ["limit", { op: "statement", account: ACCOUNT, limit: 501 }],
      ["from", { ...exchange, from: "" }],
      ["back", { ...exchange, back: "-1" }],
      ["back", { ...exchange, back: undefined }],
      ["fromExpiresAt", { ...exchange, fromExpiresAt: "soon" }],
      ["cause", { ...exchange, cause: "c" }],
      ["grant", { ...exchange, grant: undefined }],
      ["grant", { ...exchange, grant: [] }],
      ["grant.amount", { ...exchange, grant: { ...exchange.grant, amount: "0" } }],
      ["grant.kind", { ...exchange, grant: { ...exchange.grant, kind: "gift" } }],
      ["grant.expiresAt", { ...exchange, grant: { ...exchange.grant, expiresAt: 1.5 } }],
      ["grant.cause", { ...exchange, grant: { ...exchange.grant, cause: "a b" } }],
      ["grant.id", { ...exchange, grant: { ...exchange.grant, id: "g" } }],
    ]
    for (const [field, request] of table) assert.strictEqual(named(request), field, JSON.stringify(request))
  })

  it("is refused when it is no JSON object", () => {
    for (const text of ["", "{", "null", "[]", "7", '"x"', "\u0000", "{}{}"]) {
      const answer = decodeRequest(text, PARTITION, false)
      assert.isTrue("code" in answer && answer.code === "invalid", text)
    }
  })

  it("R4.3 a group holds 1 to 16 commands of its own account that may stand in a group", () => {
    const group = (commands: unknown) => named({ op: "group", id: "g", account: ACCOUNT, commands })
    assert.strictEqual(group([grant]), "accepted")
    assert.strictEqual(group([]), "commands")
    assert.strictEqual(group({}), "commands")
    assert.strictEqual(group(Array.from({ length: 17 }, () => grant)), "commands")
    assert.strictEqual(group([{ ...grant, account: "acc_other" }]), "commands")
    assert.strictEqual(group([grant, authorize]), "commands.1.op")
    assert.strictEqual(group([{ op: "group", id: "h", account: ACCOUNT, commands: [grant] }]), "commands.0.op")
    assert.strictEqual(group([null]), "commands.0.op")
    assert.strictEqual(group([{ ...grant, amount: "x" }]), "amount")
  })

  it("is refused by an owner of another partition", () => {
    const answer = decodeRequest(JSON.stringify(authorize), (PARTITION + 1) % 64, false)
    assert.isTrue("code" in answer && answer.field === "account")
  })

  it("a gateway may authorize, extend and release, and nothing else", () => {
    assert.strictEqual(named(authorize, true), "accepted")
    assert.strictEqual(
      named({ op: "extend", id: "r", account: ACCOUNT, holdId: holdId(1), amount: "1" }, true),
      "accepted",
    )
    assert.strictEqual(named({ op: "release", id: "r", account: ACCOUNT, holdId: holdId(1) }, true), "accepted")
    assert.strictEqual(named(grant, true), "op")
    assert.strictEqual(named(exchange, true), "op")
    assert.strictEqual(named({ op: "wallet", account: ACCOUNT }, true), "op")
  })

  it("whatever the text, the answer is a command or a typed refusal, never an exception", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record(
          {
            op: fc.constantFrom("authorize", "grant", "exchange", "group", "entitle", "statement"),
            account: fc.constant(ACCOUNT),
          },
          { requiredKeys: [] },
        )
        .chain((base) =>
          fc
            .dictionary(
              fc.constantFrom(
                "id",
                "amount",
                "commands",
                "cycle",
                "plan",
                "limit",
                "cursor",
                "ttl",
                "kind",
                "grant",
                "back",
              ),
              fc.jsonValue(),
            )
            .map((more) => JSON.stringify({ ...base, ...more })),
        ),
    )
    const property = fc.property(anything, (text) => {
      const answer = decodeRequest(text, PARTITION, false)
      if ("code" in answer) assert.strictEqual(answer.code, "invalid")
      else assert.strictEqual(answer.account, ACCOUNT)
    })
    fc.assert(property, { numRuns: 2_000 })
  })
})
