import { describe, expect, it } from "vitest"
import { readChatRequest, upstreamBody } from "./chat-request.ts"

const messages = [{ role: "user", content: "hello" }]
const read = (body: unknown) => readChatRequest(body, Buffer.byteLength(JSON.stringify(body) ?? ""))
const good = (more: object = {}) => {
  const request = read({ model: "gpt-4o", messages, ...more })
  if ("wrong" in request) throw new Error(request.wrong.detail)
  return request
}

describe("a chat request", () => {
  it("R6.1 has at most a token of input for every byte of its text, and some thousand for a picture", () => {
    const text = good()
    expect(text.inputTokensMax).toBe(JSON.stringify(text.body).length)
    const url = `data:image/png;base64,${"A".repeat(100_000)}`
    const picture = good({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] })
    expect(picture.inputTokensMax).toBeGreaterThan(3_000)
    expect(picture.inputTokensMax).toBeLessThan(3_300)
    expect(picture.inputTokensFair).toBeLessThanOrEqual(picture.inputTokensMax)
  })

  it("takes either name of the limit, and null for none", () => {
    expect(good({ max_tokens: 7 }).maxOutputTokens).toBe(7)
    expect(good({ max_completion_tokens: 8, max_tokens: 7 }).maxOutputTokens).toBe(8)
    expect(good({ max_tokens: null }).maxOutputTokens).toBeNull()
  })

  it.each([
    [7, null],
    [[], null],
    [{ messages }, "model"],
    [{ model: "m", messages: [] }, "messages"],
    [{ model: "m", messages, stream: "yes" }, "stream"],
    [{ model: "m", messages, n: 0 }, "n"],
    [{ model: "m", messages, n: 17 }, "n"],
    [{ model: "m", messages, max_tokens: 0.5 }, "max_completion_tokens"],
    [{ model: "m", messages, max_completion_tokens: -1 }, "max_completion_tokens"],
  ])("%j is refused, naming the field", (body, param) => {
    expect(read(body)).toMatchObject({ wrong: { param } })
  })

  it("goes to the provider as it came, but for its model, its limit and the usage at the end of a stream", () => {
    const terms = {
      model: "up",
      maxOutputTokens: 50,
      limitField: "max_completion_tokens",
      without: ["secret"],
    } as const
    const request = good({ stream: true, temperature: 0.5, secret: 1, stream_options: { other: 1 } })
    expect(upstreamBody(request, terms)).toEqual({
      model: "up",
      messages,
      stream: true,
      temperature: 0.5,
      stream_options: { other: 1, include_usage: true },
      max_completion_tokens: 50,
    })
    expect(upstreamBody(good({ max_tokens: 900 }), terms)).toEqual({ model: "up", messages, max_tokens: 50 })
    expect(upstreamBody(good({ max_tokens: 900 }), { ...terms, maxOutputTokens: null })).toMatchObject({
      max_tokens: 900,
    })
  })
})
