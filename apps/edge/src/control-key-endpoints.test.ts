import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"

const PATH = "/api/v1/control-keys"
let edge: EdgeUnderTest
let token = ""
let accountId = ""
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())

const create = (name: unknown, credential = token) =>
  edge.fetch(PATH, { method: "POST", token: credential, json: { name } })
const list = async () => (await (await edge.fetch(PATH, { token })).json()) as { items: ReadonlyArray<{ id: string }> }

describe("control keys", () => {
  it("a key reads its account's wallet, is listed without its secret, and stops at once when revoked", async () => {
    const response = await create("laptop")
    expect(response.status).toBe(201)
    const { id, key } = (await response.json()) as { id: string; key: string }
    const wallet = () => edge.fetch("/api/v1/wallet/balance", { token: key })
    expect((await wallet()).status).toBe(200)
    expect(edge.asked.at(-1)).toEqual({ op: "wallet", account: accountId })
    const listed = await list()
    expect(listed).toMatchObject({ items: [{ id, name: "laptop" }], nextCursor: null })
    expect(JSON.stringify(listed)).not.toContain(key.slice(8))
    expect((await edge.fetch(`${PATH}/${id}`, { method: "DELETE", token })).status).toBe(204)
    expect((await wallet()).status).toBe(401)
    expect((await list()).items).toEqual([])
  })

  it("a control key can neither make, list nor revoke keys, nor act as a gateway", async () => {
    const { id, key } = (await (await create("reader")).json()) as { id: string; key: string }
    expect((await create("more", key)).status).toBe(403)
    expect((await edge.fetch(PATH, { token: key })).status).toBe(403)
    expect((await edge.fetch(`${PATH}/${id}`, { method: "DELETE", token: key })).status).toBe(403)
    expect((await edge.fetch("/api/v1/gateway/usage", { method: "POST", token: key, json: [] })).status).toBe(403)
  })

  it("another account's key is 404", async () => {
    const { id } = (await (await create("mine")).json()) as { id: string }
    const { accessToken: stranger } = await edge.signIn("stranger@example.com")
    expect((await edge.fetch(`${PATH}/${id}`, { method: "DELETE", token: stranger })).status).toBe(404)
    expect((await edge.fetch(`${PATH}/key_nothing`, { method: "DELETE", token })).status).toBe(404)
  })

  it.each([[""], [" "], ["x".repeat(61)], ["a\0b"], ["a\nb"], [1], [null]])("the name %j is 400", async (name) => {
    const response = await create(name)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field: "name" })
  })

  it("an account has a limit of keys", async () => {
    const { accessToken } = await edge.signIn("hoarder@example.com")
    const statuses: Array<number> = []
    for (let i = 0; i < 21; i++) statuses.push((await create(`k${i}`, accessToken)).status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(20)
    expect(statuses.at(-1)).toBe(400)
  })
})
