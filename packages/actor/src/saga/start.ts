/** Starts a saga machine: waits for its lease, then reads, decides and does until stopped. */
import type { AnyOptions, RunningSagas, SagaOptions } from "./running.ts"
import { Runtime } from "./runtime.ts"
import type { SagaStep } from "./saga.ts"

/**
 * Resolves once this process owns the machine (another owner is waited for) and everything that was under way is begun
 * again. The tables are `sagaMigrations`. @throws StoreError
 */
export const startSagas = async <State, Command, Step extends SagaStep, Outcome, Notice, Fact, Row, Env>(
  options: SagaOptions<State, Command, Step, Outcome, Notice, Fact, Row, Env>,
): Promise<RunningSagas<State, Command>> => {
  // Inside, what flows through a machine is opaque: the types meet again here.
  const runtime = await new Runtime(options as unknown as AnyOptions).start()
  return {
    command: (id, command, given) => runtime.command(id, command, given),
    state: (id) => runtime.state(id) as Promise<State>,
    notify: (id, notice) => runtime.notify(id, notice),
    status: () => runtime.status(),
    runDue: (now) => runtime.runDue(now),
    metrics: () => runtime.metrics(),
    stop: () => runtime.stop(),
    ended: runtime.ended,
  }
}
