/** What a person does about a dead letter, by its reason (docs/operations/dead-letters.md). Pure. */

const MEND_GATEWAY = "mend the gateway, which may send the call again under a new id; then"

const STEPS: Readonly<Record<string, string>> = {
  malformed: MEND_GATEWAY,
  invalid_field: MEND_GATEWAY,
  unknown_field: MEND_GATEWAY,
  too_large: MEND_GATEWAY,
  wrong_sum:
    "the gateway counts its tokens wrongly or names the wrong convention: mend it, it may send them again; then",
  id_conflict: "two calls of the gateway share an id, the first charge stands: mend the gateway; then",
  model_unknown: [
    "publish a book that has the model from before the call: the one in force then, with the model added, a new",
    '"version", the same "effectiveAt" and "corrects": "<its version>" (`credits prices show --json | jq .data`); then',
  ].join(" "),
  no_entitlement: "decide whether the account is to have a plan (`credits account entitle`); if so",
  account_frozen: "its books did not close: docs/operations/runbooks/imbalance.md first; when it is mended",
  defect: "an error of ours: the detail and the service's log say which. Keep the letter until it is mended; then",
}

const DISCARDED = new Set(["malformed", "invalid_field", "unknown_field", "too_large", "wrong_sum", "id_conflict"])

/** One sentence and the command that ends it. */
export const nextStepOf = (seq: number, reason: string): string => {
  const verb = DISCARDED.has(reason) ? "discard" : "redrive"
  const step = STEPS[reason] ?? "find out why its service could not use it (its log); then"
  return `next: ${step} credits dlq ${verb} ${seq} --apply --reason "…"`
}
