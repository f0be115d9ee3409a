import { describe, expect, it } from "vitest"
import { readProviders, routeOf, simulatedProviders } from "./provider.ts"

const openai = { name: "openai", baseUrl: "https://api.openai.com/v1/", keyFrom: "KEY", models: { "gpt-4o": {} } }
const read = (...providers: ReadonlyArray<unknown>) => readProviders({ providers })

describe("providers", () => {
  it("the first that lists a model answers for it, else the first that takes others", () => {
    const local = { name: "local", baseUrl: "http://127.0.0.1:1/v1", otherModels: { maxOutputTokens: 9 }, models: {} }
    const providers = read(local, openai)
    if ("invalid" in providers) throw new Error(providers.invalid)
    const whole = { upstream: "gpt-4o", maxOutputTokens: 16_384, holdsWhole: false }
    expect(routeOf(providers, "gpt-4o")).toMatchObject({ provider: { name: "openai" }, model: whole })
    expect(providers[1]!.baseUrl).toBe("https://api.openai.com/v1")
    const other = { provider: { name: "local" }, model: { upstream: "x", maxOutputTokens: 9 } }
    expect(routeOf(providers, "x")).toMatchObject(other)
    expect(routeOf(providers.slice(1), "x")).toBeNull()
    expect(routeOf(simulatedProviders, "anything")?.model.upstream).toBe("anything")
  })

  it.each([
    [{}, "providers"],
    [{ providers: [] }, "providers"],
    [{ providers: [{ ...openai, name: "Open AI" }] }, "providers[0].name"],
    [{ providers: [{ ...openai, baseUrl: "ftp://x" }] }, "providers[0].baseUrl"],
    [{ providers: [{ ...openai, key: "sk-secret" }] }, "providers[0].key"],
    [{ providers: [{ ...openai, models: { m: { maxOutputTokens: 0 } } }] }, "providers[0].models.m.maxOutputTokens"],
    [{ providers: [{ ...openai, kind: "other" }] }, "providers[0].kind"],
  ])("%j is refused, naming the place", (file, place) => {
    const result = readProviders(file)
    expect("invalid" in result ? result.invalid : "").toContain(`${place} `)
  })
})
