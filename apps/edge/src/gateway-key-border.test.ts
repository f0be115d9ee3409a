import { SUBJECTS } from "@credits/contracts"
import { API_KEY_RANDOM_BYTES, hashApiKey, keyPrefixOf, makeApiKey } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"

let edge: EdgeUnderTest
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())

const ask = async (request: { readonly op: string; readonly [field: string]: unknown }) => {
  const reply = await edge.bus.connection.request(SUBJECTS.edgeRequest(request.op), JSON.stringify(request))
  return JSON.parse(reply.string()) as {
    readonly ok?: { readonly items?: ReadonlyArray<{ readonly id: string; readonly lastUsedAt: number | null }> }
    readonly refused?: { readonly code: string }
  }
}
const usage = async (token: string) =>
  (await edge.fetch("/api/v1/gateway/usage", { method: "POST", token, json: [] })).status

describe("gateways' keys, made by operators", () => {
  const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))
  const made = { op: "gateway-key-create", id: "key_1", hash: hashApiKey(key), prefix: keyPrefixOf(key), name: "eu-1" }

  it("a key works from when it is made until it is revoked, and says when it was used", async () => {
    expect(await usage(key)).toBe(401)
    for (let i = 0; i < 2; i++) {
      expect(await ask({ ...made, expiresAt: null })).toMatchObject({ ok: { id: "key_1", name: "eu-1" } })
    }
    expect(await usage(key)).not.toBe(401)
    const { ok } = await ask({ op: "gateway-key-list" })
    expect(ok!.items!).toMatchObject([{ id: "key_1", prefix: keyPrefixOf(key), lastUsedAt: expect.any(Number) }])
    expect(JSON.stringify(ok)).not.toContain(hashApiKey(key))
    expect((await ask({ op: "gateway-key-revoke", id: "key_1" })).ok).toMatchObject({ id: "key_1" })
    expect(await usage(key)).toBe(401)
    expect((await ask({ op: "gateway-key-revoke", id: "key_1" })).refused).toMatchObject({ code: "not_found" })
  })

  it("a customer's control key is not among them and cannot be revoked as one", async () => {
    const { accessToken } = await edge.signIn()
    await edge.controlKey(accessToken)
    const listed = await edge.fetch("/api/v1/control-keys", { token: accessToken })
    const { items } = (await listed.json()) as { items: ReadonlyArray<{ id: string }> }
    expect((await ask({ op: "gateway-key-revoke", id: items[0]!.id })).refused).toMatchObject({ code: "not_found" })
  })

  it.each([[{ hash: "short" }], [{ name: "" }], [{ id: "acc_1" }], [{ expiresAt: "never" }], [{ secret: key }]])(
    "%j is refused by name",
    async (change) => {
      expect((await ask({ ...made, expiresAt: null, ...change })).refused).toMatchObject({ code: "invalid" })
    },
  )
})
