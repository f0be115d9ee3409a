/**
 * Whose credential is this: what a model gateway asks the edge about a customer who calls it, JSON on `edge.caller`. A
 * gateway may hold credit of every account it names, so it learns the account and nothing else. Owns shapes only.
 */

export interface CallerQuestion {
  readonly op: "caller"
  /** An access token or a control key, as the customer sent it. Never stored, never logged. */
  readonly credential: string
}

export interface CallerAnswer {
  readonly accountId: string
}

export interface CallerRefusal {
  /** `auth_required`: nobody's. `unavailable`: it cannot be checked now; nothing is known of it. */
  readonly code: "auth_required" | "unavailable"
  /** One sentence for a person. */
  readonly detail: string
}

export type CallerReply = { readonly ok: CallerAnswer } | { readonly refused: CallerRefusal }

/** An access token with many claims has some 2 KiB. */
export const CREDENTIAL_LENGTH_MAX = 8_192
