/** The groups of notifications (R11) in words; one that a newer server knows is shown by its own name. */

interface Words {
  readonly name: string
  readonly examples: string
}

const GROUPS: Readonly<Record<string, Words>> = {
  receipts: { name: "Receipts", examples: "A plan started, renewed or changed; a top-up" },
  payments: { name: "Payments", examples: "A payment failed, recovered or waits for your bank" },
  autoTopUp: { name: "Auto top-up", examples: "Turned on or off, its cap changed or nearly reached" },
  credits: { name: "Credits", examples: "Half, a fifth or nothing is left of the month’s credits" },
  reminders: { name: "Reminders", examples: "A renewal, the end of an offer, a card that expires" },
  subscription: { name: "Subscription", examples: "A change or a cancellation is scheduled; the plan ended" },
  support: { name: "Support", examples: "An answer to a charge you reported" },
}

export const groupWords = (group: string): Words => GROUPS[group] ?? { name: group, examples: "" }
