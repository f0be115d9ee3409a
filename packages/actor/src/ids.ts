/**
 * Ids of lots and holds: made beside the decisions, which are pure, from business time and the system's randomness.
 */
import { randomFillSync } from "node:crypto"
import { makeHoldId, makeId } from "@credits/kernel"
import type { DecisionContext } from "./machine.ts"

export const makeIds = (now: () => number): Pick<DecisionContext, "newLotId" | "newHoldId"> => {
  const random = new Uint8Array(10)
  return {
    newLotId: () => makeId("lot", now(), randomFillSync(random)),
    newHoldId: (account) => makeHoldId(account, now(), randomFillSync(random)),
  }
}
