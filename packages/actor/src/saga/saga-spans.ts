/**
 * Traces of sagas. The span of whoever asked is kept in memory for as long as its actor has steps under way, so that
 * these appear below it; in no row. After a restart a step begins a trace of its own, which is found by the ids that
 * both name (ADR 24).
 */
import { tracing, type TraceContext } from "@credits/telemetry"
import type { SagaStep } from "./saga.ts"

/** Actors with a traced command; the oldest are forgotten. */
const KEPT_MAX = 1_024

export class SagaSpans {
  readonly #service: string
  readonly #machine: string
  readonly #kept = new Map<string, TraceContext>()

  constructor(service: string, machine: string) {
    this.#service = service
    this.#machine = machine
  }

  /** Somebody asks this of an actor, in the current span. */
  asked(id: string): void {
    const context = tracing.current()
    if (context === undefined) return
    this.#kept.delete(id)
    if (this.#kept.size >= KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!)
    this.#kept.set(id, context)
  }

  /** Nothing of this actor is under way any more. */
  rested(id: string): void {
    if (this.#kept.size > 0) this.#kept.delete(id)
  }

  /** One attempt of a step; what it asks of others belongs to its span. */
  async step<A>(id: string, step: SagaStep, run: () => Promise<A>): Promise<A> {
    if (!tracing.isOn) return run()
    const about = {
      name: `${this.#service} ${this.#machine} ${step.kind}`,
      kind: "internal",
      attributes: { "credits.saga": this.#machine, "credits.saga.id": id, "credits.step.id": step.id },
    } as const
    const parent = this.#kept.get(id)
    const span = parent === undefined ? tracing.receive(undefined, "heard", about) : tracing.child(parent, about)
    return tracing.run(span, run)
  }
}
