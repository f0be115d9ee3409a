/**
 * A stand-in for an OpenTelemetry collector: takes OTLP/HTTP JSON and keeps the spans. Can be told to fail, or not to
 * answer at all.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

interface OtlpValue {
  readonly stringValue?: string
  readonly intValue?: string
  readonly boolValue?: boolean
  readonly doubleValue?: number
}
interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}
interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<OtlpAttribute>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
}
interface OtlpBody {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<OtlpAttribute> }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<OtlpSpan> }>
  }>
}

export interface SeenSpan extends Omit<OtlpSpan, "attributes"> {
  readonly service: string
  readonly attributes: Readonly<Record<string, string | number | boolean>>
}

const plain = ({ stringValue, intValue, boolValue, doubleValue }: OtlpValue): string | number | boolean =>
  stringValue ?? boolValue ?? doubleValue ?? Number(intValue)

const plainAll = (attributes: ReadonlyArray<OtlpAttribute>) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]))

export class Collector {
  readonly spans: Array<SeenSpan> = []
  /** `hang`: requests are taken and never answered. */
  mode: "take" | "fail" | "hang" = "take"
  requests = 0
  readonly #hanging = new Set<ServerResponse>()
  readonly #server = createServer((request, response) => {
    this.requests += 1
    let text = ""
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    request.on("end", () => {
      if (this.mode === "hang") return void this.#hanging.add(response)
      const isRight = request.url === "/v1/traces" && request.headers["content-type"] === "application/json"
      if (this.mode === "take" && isRight) this.#take(JSON.parse(text) as OtlpBody)
      response.writeHead(this.mode === "fail" ? 503 : isRight ? 200 : 404).end("{}")
    })
  })

  static async start(): Promise<Collector> {
    const collector = new Collector()
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve))
    return collector
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #take(body: OtlpBody): void {
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = String(plainAll(resource.attributes)["service.name"])
      for (const { spans } of scopeSpans) {
        for (const span of spans) this.spans.push({ ...span, service, attributes: plainAll(span.attributes) })
      }
    }
  }

  /** Spans of one trace, by their names; the newest of a name wins. */
  trace(traceId: string): ReadonlyMap<string, SeenSpan> {
    return new Map(this.spans.filter((span) => span.traceId === traceId).map((span) => [span.name, span]))
  }

  async stop(): Promise<void> {
    for (const response of this.#hanging) response.destroy()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
