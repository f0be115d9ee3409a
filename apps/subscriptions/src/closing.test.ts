/**
 * Goal: what payments tells while an obligation is being closed is not lost, whichever comes first, its answer or its
 * fact (R4.6, R10.2). Method: the answer to the close is given by the test, late.
 */
import type { ChargeView } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import { confirmLater, DECEMBER, DAY, onPlus, quoted, view } from "./life.fixture.ts"
import { machine } from "./machine.ts"
import type { CardPlan, World } from "./world.fixture.ts"

const MINUTE = 60_000

/** Past due, with the renewal waiting at the bank's page, and an upgrade instead of it that closes it first. */
const closingRenewal = (): World => {
  const world = onPlus()
  world.payments.plan = "action"
  world.to(DECEMBER + MINUTE)
  confirmLater(world, quoted(world, "pro").quoteId)
  return world
}

/** The close is asked while an attempt is undecided; then that is decided and told; only then its answer arrives. */
const answeredLate = (world: World, tell: (charge: ChargeView) => void, becomes: CardPlan | "canceled"): void => {
  const [step] = machine.steps(world.state)
  assert.strictEqual(step?.kind, "close")
  const outcome = { kind: "closed", status: "pending" } as const
  const open = world.payments.last()
  const charge = becomes === "canceled" ? { ...open, status: becomes } : world.payments.decide(open, becomes, world.now)
  if (becomes === "canceled") world.payments.closed.add(open.obligation)
  tell(charge)
  if (machine.steps(world.state).some(({ id }) => id === step!.id)) {
    world.decide({ type: "outcome", step: step!.id, outcome })
  }
  world.payments.plan = "ok"
  world.settle()
}

describe("news that overtakes the answer of a close", () => {
  for (const becomes of ["soft", "not_executed", "canceled"] as const) {
    it(`R4.6 R4.7 the renewal an upgrade replaces is ${becomes}: nothing stays undecided`, () => {
      const world = closingRenewal()
      const tell = (charge: ChargeView) => void world.decide({ type: "notice", notice: { type: "charge", charge } })
      answeredLate(world, tell, becomes)
      assert.isNull(world.state.operation)
      assert.deepInclude(view(world), { plan: "pro", status: "active" })
    })

    it(`R5.4 the renewal a cancel gives up is ${becomes}: the subscription ends`, () => {
      const world = onPlus()
      world.payments.plan = "soft"
      world.to(DECEMBER + MINUTE)
      world.payments.plan = "action"
      world.to(DECEMBER + DAY + MINUTE)
      const tell = (charge: ChargeView) => void world.decide({ type: "notice", notice: { type: "charge", charge } })
      world.ask({ op: "cancel", id: "late", account: world.state.account })
      answeredLate(world, tell, becomes)
      assert.isNull(world.state.operation)
      assert.deepInclude(view(world), { status: "free" })
    })
  }
})
