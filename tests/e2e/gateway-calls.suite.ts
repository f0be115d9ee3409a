/**
 * The reference gateway as a customer's program meets it, through the official OpenAI client, unchanged. Its built-in
 * provider answers and misbehaves as it is told.
 */
import OpenAI, { APIError } from "openai"
import type { ChatCompletionChunk, ChatCompletionCreateParams } from "openai/resources"
import type { Entry } from "@credits/contracts/http"
import { parseUsd, usd } from "@credits/kernel"
import type { Customer } from "@credits/testkit"
import { expect, it, onTestFinished } from "vitest"
import { customerWith, type GatewayTesting, SOON } from "./gateway-customer.ts"
import { startGatewayOverHttp } from "./gateway-over-http.ts"

const MODEL = "gpt-4o"
const messages = [{ role: "user" as const, content: "What does a ledger keep?" }]

/** What the built-in provider reads beside OpenAI's own fields. */
type Simulate = Readonly<Record<string, number>>
const asked = (simulate: Simulate = {}, more: object = {}) =>
  ({ model: MODEL, messages, ...more, simulate }) as unknown as ChatCompletionCreateParams & { stream?: false }
const streamed = (simulate: Simulate = {}, more: object = {}) =>
  ({ model: MODEL, messages, stream: true, ...more, simulate }) as unknown as ChatCompletionCreateParams & {
    stream: true
  }

const clientAt = (url: string | undefined, token: string, headers: Record<string, string> = {}): OpenAI =>
  new OpenAI({ apiKey: token, baseURL: `${url}/v1`, maxRetries: 0, defaultHeaders: headers })
const clientOf = ({ system }: GatewayTesting, token: string, headers: Record<string, string> = {}): OpenAI =>
  clientAt(system.gatewayUrl, token, headers)

/** The error of a refused call. */
const refusal = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

const entriesOf = async (customer: Customer): Promise<ReadonlyArray<Entry>> => {
  const { body } = await customer.call<{ items: ReadonlyArray<Entry> }>("wallet/entries?limit=50&kind=charged")
  return body.items
}
const newest = async (customer: Customer): Promise<Entry | undefined> => (await entriesOf(customer))[0]
const heldOf = async (customer: Customer): Promise<string> => (await customer.wallet()).heldUsd

const chunksOf = async (stream: AsyncIterable<ChatCompletionChunk>): Promise<ReadonlyArray<ChatCompletionChunk>> => {
  const chunks: Array<ChatCompletionChunk> = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

export const hostedCalls = (testing: GatewayTesting): void => {
  it("R6.1 R6.3 a hosted call is answered, and the wallet shows what the provider counted", async () => {
    const ada = await customerWith(testing, "20.00")
    const openai = clientOf(testing, ada.token)
    const models = (await openai.models.list()).data.map(({ id }) => id)
    expect(models).toContain(MODEL)
    const answer = await openai.chat.completions.create(
      asked({ outputTokens: 400, cachedTokens: 4, reasoningTokens: 100 }),
    )
    expect(answer).toMatchObject({ model: MODEL, choices: [{ finish_reason: "stop" }] })
    const { prompt_tokens: input, completion_tokens: output } = answer.usage!
    expect(output).toBe(400)
    await expect.poll(() => heldOf(ada), SOON).toBe("0.00")
    await expect
      .poll(async () => (await newest(ada))?.usage, SOON)
      .toMatchObject({
        model: MODEL,
        mode: "hosted",
        provider: "simulated",
        inputTokens: input - 4,
        cacheReadTokens: 4,
        outputTokens: 300,
        reasoningTokens: 100,
        status: "ok",
      })
  })

  it("R6.2 a long stream extends its hold step by step and ends with its usage", async () => {
    const bob = await customerWith(testing, "20.00")
    const stream = await clientOf(testing, bob.token).chat.completions.create(
      streamed({ outputTokens: 5_000 }, { stream_options: { include_usage: true } }),
    )
    const chunks = await chunksOf(stream)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 5_000 } })
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop")
    await expect.poll(async () => (await newest(bob))?.usage?.outputTokens, SOON).toBe(5_000)
    expect(await heldOf(bob)).toBe("0.00")
  })

  it("R6.2 R6.4 a stream that credit does not cover ends as at a limit, is charged, and makes no debt", async () => {
    // 2,048 output tokens at 10 USD a million, the input, and less than the next step.
    const carl = await customerWith(testing, "0.03")
    const stream = await clientOf(testing, carl.token).chat.completions.create(
      streamed({ outputTokens: 9_000 }, { stream_options: { include_usage: true } }),
    )
    const chunks = await chunksOf(stream)
    const usage = chunks.at(-1)?.usage
    expect(usage?.completion_tokens).toBeGreaterThan(2_000)
    expect(usage?.completion_tokens).toBeLessThanOrEqual(2_048)
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("length")
    await expect.poll(async () => (await newest(carl))?.usage?.outputTokens, SOON).toBe(usage?.completion_tokens)
    const wallet = await carl.wallet()
    expect(wallet).toMatchObject({ heldUsd: "0.00", debtUsd: "0.00" })

    // What is left is spent on answers that are as short as it, whole ones too.
    const short = await clientOf(testing, carl.token).chat.completions.create(asked({ outputTokens: 9_000 }))
    expect(short.choices[0]?.finish_reason).toBe("length")
    await expect.poll(() => heldOf(carl), SOON).toBe("0.00")
    await expect.poll(async () => (await carl.wallet()).debtUsd, SOON).toBe("0.00")
  })
}

export const refusedCalls = (testing: GatewayTesting): void => {
  it("R6.2 refusals have codes that OpenAI's client and the desktop app read", async () => {
    const poor = await customerWith(testing, "0.000001")
    const broke = await refusal(clientOf(testing, poor.token).chat.completions.create(asked()))
    expect(broke).toMatchObject({ status: 402, code: "insufficient_balance" })
    const free = await customerWith(testing)
    const locked = await refusal(clientOf(testing, free.token).chat.completions.create(streamed()))
    expect(locked).toMatchObject({ status: 403, code: "tier_model_not_entitled" })
    const nobody = await refusal(clientOf(testing, "nonsense").chat.completions.create(asked()))
    expect(nobody).toMatchObject({ status: 401, code: "auth_required" })

    const eve = await customerWith(testing, "1.00")
    const openai = clientOf(testing, eve.token)
    const unknown = await refusal(openai.chat.completions.create(asked({}, { model: "no-such-model" })))
    expect(unknown).toMatchObject({ status: 404, code: "model_not_found" })
    const limited = await refusal(openai.chat.completions.create(asked({ status: 429 })))
    expect(limited).toMatchObject({ status: 429, code: "rate_limited" })
    expect(limited.message).not.toMatch(/quota|credit|balance|billing/i)
    const failed = await refusal(openai.chat.completions.create(streamed({ status: 500 })))
    expect(failed).toMatchObject({ status: 502, code: "upstream_error" })
    await expect.poll(() => heldOf(eve), SOON).toBe("0.00")
    expect(await eve.wallet()).toMatchObject({ availableUsd: "1.00" })
  })
}

export const endedCalls = (testing: GatewayTesting): void => {
  it("R6.3 what was produced is charged when the provider breaks off, and when the customer hangs up", async () => {
    const dora = await customerWith(testing, "20.00")
    const openai = clientOf(testing, dora.token)
    const broken = await openai.chat.completions.create(streamed({ outputTokens: 200, dieAfterTokens: 90 }))
    expect(await refusal(chunksOf(broken))).toMatchObject({ code: "upstream_error" })
    await expect
      .poll(async () => (await newest(dora))?.usage, SOON)
      .toMatchObject({ outputTokens: 90, status: "failed" })

    const left = await openai.chat.completions.create(streamed({ outputTokens: 5_000, tokenDelayMs: 5 }))
    let seen = 0
    for await (const _ of left) if (++seen > 50) break
    await expect.poll(async () => (await newest(dora))?.usage?.status, SOON).toBe("cancelled")
    const tokens = (await newest(dora))!.usage!.outputTokens
    expect(tokens).toBeGreaterThanOrEqual(50)
    expect(tokens).toBeLessThan(4_000)
    expect(await heldOf(dora)).toBe("0.00")
  })

  it("R8.1 I9 a call with a provider key of one's own is recorded and costs nothing, also on Free", async () => {
    const finn = await customerWith(testing)
    const openai = clientOf(testing, finn.token, { "X-Provider-Api-Key": "sk-own" })
    const answer = await openai.chat.completions.create(asked({ outputTokens: 77 }))
    expect(answer.usage?.completion_tokens).toBe(77)
    const chunks = await chunksOf(await openai.chat.completions.create(streamed({ outputTokens: 33 })))
    expect(chunks.every(({ usage }) => usage === undefined)).toBe(true)
    const rows = async () => {
      const { body } = await finn.call<{ items: ReadonlyArray<Record<string, unknown>> }>("wallet/usage?by=model")
      return body.items
    }
    await expect
      .poll(rows, SOON)
      .toMatchObject([{ model: MODEL, byokCalls: 2, byokOutputTokens: 110, costUsd: "0.00" }])
    expect(await finn.wallet()).toMatchObject({ balanceUsd: "0.00", heldUsd: "0.00", debtUsd: "0.00" })
  })
}

export const callsOverHttp = (testing: GatewayTesting): void => {
  it("R6.1 R6.2 R6.3 a gateway that has the edge's address alone holds, extends, releases, charges", async () => {
    const hugo = await customerWith(testing, "20.00")
    const gateway = await startGatewayOverHttp(testing)
    onTestFinished(() => gateway.stop())
    const openai = clientAt(gateway.url, hugo.token)
    // Ready when it knows the prices, which it has read from the public list.
    await expect.poll(async () => (await fetch(`${gateway.url}/readyz`)).status, SOON).toBe(200)
    expect((await openai.models.list()).data.map(({ id }) => id)).toContain(MODEL)
    const refused = await refusal(openai.chat.completions.create(asked({ status: 500 })))
    expect(refused).toMatchObject({ status: 502, code: "upstream_error" })
    await expect.poll(() => heldOf(hugo), SOON).toBe("0.00")
    const chunks = await chunksOf(await openai.chat.completions.create(streamed({ outputTokens: 5_000 })))
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop")
    await expect.poll(async () => (await newest(hugo))?.usage?.outputTokens, SOON).toBe(5_000)
    expect(await hugo.wallet()).toMatchObject({ heldUsd: "0.00", debtUsd: "0.00" })
    expect(await entriesOf(hugo)).toHaveLength(1)
  })
}

export const killedGateway = (testing: GatewayTesting): void => {
  it("R6.3 I3 a gateway that is killed in the middle of a stream settles it when it starts again", async () => {
    const gina = await customerWith(testing, "20.00")
    const { system } = testing
    const stream = await clientOf(testing, gina.token).chat.completions.create(
      streamed({ outputTokens: 9_000, tokenDelayMs: 2 }),
    )
    const pid = system.pidOf("gateway")
    let seen = 0
    const read = async (): Promise<void> => {
      for await (const _ of stream) if (++seen === 200) system.kill("gateway")
    }
    expect(
      await read().then(
        () => "ended",
        () => "broken off",
      ),
    ).toBe("broken off")
    expect(await heldOf(gina)).not.toBe("0.00")
    await system.restarted("gateway", pid)
    await expect.poll(async () => (await newest(gina))?.usage?.status, SOON).toBe("cancelled")
    const tokens = (await newest(gina))!.usage!.outputTokens
    expect(tokens).toBeGreaterThan(160)
    expect(tokens).toBeLessThanOrEqual(seen + 2_048)
    const wallet = await gina.wallet()
    expect(wallet.heldUsd).toBe("0.00")
    expect(parseUsd(wallet.balanceUsd)).toBeLessThan(usd("20"))
    expect(await entriesOf(gina)).toHaveLength(1)
    // It takes calls again.
    await expect
      .poll(
        () =>
          clientOf(testing, gina.token)
            .chat.completions.create(asked())
            .then(
              () => "answered",
              () => "away",
            ),
        SOON,
      )
      .toBe("answered")
  })
}
