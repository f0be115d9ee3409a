/**
 * Asking a provider. Owns the request to it and the reading of its refusals; what an answer means is the relay's.
 * Keys go out in a header and nowhere else.
 */
import type { Provider } from "./provider.ts"
import type { UpstreamRefusal } from "./refusal.ts"
import { simulate } from "./simulated.ts"

export interface Asked {
  readonly body: Readonly<Record<string, unknown>>
  /** "" where the provider takes none. */
  readonly key: string
  readonly signal: AbortSignal
}

/** A provider's answer: a Response with its head read, or why there is none. */
export type Upstream = (provider: Provider, asked: Asked) => Promise<Response>

const JSON_TYPE = "application/json"

/** A redirect would carry the key elsewhere. */
const askOverHttp = (provider: Provider, { body, key, signal }: Asked): Promise<Response> =>
  fetch(`${provider.baseUrl}/chat/completions`, {
    method: "POST",
    redirect: "error",
    signal,
    headers: {
      "content-type": JSON_TYPE,
      accept: body["stream"] === true ? "text/event-stream" : JSON_TYPE,
      ...(key !== "" && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
  })

export const askUpstream: Upstream = (provider, asked) =>
  provider.kind === "simulated" ? simulate(asked) : askOverHttp(provider, asked)

const ERROR_BYTES_MAX = 64 * 1024

/** What a refusing provider said. @returns its message only where it has OpenAI's shape */
export const readUpstreamRefusal = async (response: Response): Promise<UpstreamRefusal> => {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null
  const text = await response.text().catch(() => "")
  let message: string | null = null
  try {
    const said = (JSON.parse(text.slice(0, ERROR_BYTES_MAX)) as { error?: { message?: unknown } }).error?.message
    message = typeof said === "string" ? said : null
  } catch {
    // A proxy's page says nothing to a customer.
  }
  return { status: response.status, message, retryAfterMs }
}
