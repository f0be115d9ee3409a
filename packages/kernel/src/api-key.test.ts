import { randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import { API_KEY_RANDOM_BYTES, hashApiKey, isApiKey, makeApiKey } from "./api-key.ts"

describe("API keys", () => {
  const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))

  it("a made key has the prefix, the form and its checksum", () => {
    expect(key).toMatch(/^wk_live_[0-9a-z]{38}$/)
    expect(isApiKey(key)).toBe(true)
  })

  it("a key with one wrong, missing or extra character is no key", () => {
    for (let i = 0; i < key.length; i++) {
      const other = key[i] === "0" ? "1" : "0"
      expect(isApiKey(key.slice(0, i) + other + key.slice(i + 1))).toBe(false)
    }
    expect(isApiKey(key.slice(0, -1))).toBe(false)
    expect(isApiKey(`${key}0`)).toBe(false)
  })

  it("what is stored does not contain the key", () => {
    expect(hashApiKey(key)).toMatch(/^[0-9a-f]{64}$/)
    expect(hashApiKey(key)).not.toContain(key.slice(8, 20))
  })
})
