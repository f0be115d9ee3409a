/** `expand`: ids replaced by the objects they name. */
import { type ApiObject, idOf, type Kind } from "./object.ts"
import { invalidValue } from "./refusal.ts"
import type { Work } from "./work.ts"

/** What can be expanded, and to what. */
const FIELDS: Readonly<Record<Kind, Readonly<Record<string, Kind>>>> = {
  customer: {},
  payment_method: { customer: "customer" },
  setup_intent: { customer: "customer", payment_method: "payment_method" },
  payment_intent: { customer: "customer", latest_charge: "charge", payment_method: "payment_method" },
  charge: { customer: "customer", payment_intent: "payment_intent" },
  refund: { charge: "charge", payment_intent: "payment_intent", payment_method: "payment_method" },
  dispute: { charge: "charge", payment_intent: "payment_intent" },
}

/** Stripe's own limit. */
const DEPTH_MAX = 4

const refused = (path: string): Error => invalidValue(`This property cannot be expanded (${path}).`, "expand")

/** Known before anything is executed, so that a wrong path burns no key. */
export const checkExpansion = (kind: Kind | undefined, path: string): void => {
  const steps = path.split(".")
  let at = kind
  for (const step of steps) {
    at = at === undefined ? undefined : FIELDS[at][step]
    if (at === undefined || steps.length > DEPTH_MAX) throw refused(path)
  }
}

/** The object with what the paths name filled in; paths have been checked. */
export const expanded = (work: Work, object: ApiObject, paths: ReadonlyArray<string>): ApiObject => {
  let result: ApiObject = object
  for (const path of paths) result = expandPath(work, result, path.split("."))
  return result
}

const expandPath = (work: Work, object: ApiObject, steps: ReadonlyArray<string>): ApiObject => {
  const [step, ...rest] = steps
  if (step === undefined) return object
  const kind = FIELDS[object.object][step]!
  const held = (object as unknown as Record<string, string | ApiObject | null>)[step]
  const id = idOf(held)
  if (id === null) return object
  const found = typeof held === "object" && held !== null ? held : work.find(kind, id)
  if (found === undefined) return object
  return { ...object, [step]: expandPath(work, found, rest) } as ApiObject
}
