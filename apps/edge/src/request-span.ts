/**
 * The span of an HTTP request. A gateway's `traceparent` is obeyed: it has a key, and its calls are what is traced.
 * Anybody else's only names the trace; whether there is one is ours to say.
 */
import { tracing, type Span } from "@credits/telemetry"

export interface Endpoint {
  readonly method: string
  readonly path: string
  /** `group.endpoint`. */
  readonly name: string
  readonly isGateway: boolean
}

export const requestSpan = (endpoint: Endpoint, traceparent: string | undefined): Span | undefined =>
  tracing.isOn
    ? tracing.receive(traceparent, endpoint.isGateway ? "obeyed" : "heard", {
        name: `${endpoint.method} ${endpoint.path}`,
        kind: "server",
        attributes: {
          "http.request.method": endpoint.method,
          "http.route": endpoint.path,
          "credits.endpoint": endpoint.name,
        },
      })
    : undefined

export const endRequestSpan = (span: Span, status: number): void => {
  span.set({ "http.response.status_code": status })
  span.end(status >= 500 ? String(status) : undefined)
}
