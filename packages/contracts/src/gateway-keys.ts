/**
 * What operators ask the edge about gateways' API keys and customers' sessions, JSON on `edge.request.<op>`. Owns
 * shapes only. No secret crosses the bus: whoever makes a key keeps it, and tells its hash and how it begins.
 */

export type EdgeOperation = CreateGatewayKey | ListGatewayKeys | RevokeGatewayKey | ListSessions | EndSessions

/** Again with the same id and hash it is the same key. */
export interface CreateGatewayKey {
  readonly op: "gateway-key-create"
  /** `key_…`. */
  readonly id: string
  /** SHA-256 of the key, hex. */
  readonly hash: string
  /** How the key begins. */
  readonly prefix: string
  readonly name: string
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null
}
/** Keys that were not revoked, newest first. */
export interface ListGatewayKeys {
  readonly op: "gateway-key-list"
}
/** From then on the key is refused. */
export interface RevokeGatewayKey {
  readonly op: "gateway-key-revoke"
  readonly id: string
}

/** A customer's sessions of browsers that have not ended, newest first. */
export interface ListSessions {
  readonly op: "session-list"
  readonly account: string
}
/** Ends all of them, everywhere: each browser has to sign in again. */
export interface EndSessions {
  readonly op: "session-end"
  readonly account: string
}
/** Instants are real time, ms. */
export interface SessionView {
  readonly authenticatedAt: number
  readonly endsAt: number
  /** It ends then when it is not used before. */
  readonly idleAt: number
}

export interface GatewayKeyView {
  readonly id: string
  readonly name: string
  readonly prefix: string | null
  readonly createdAt: number
  readonly expiresAt: number | null
  /** At most a minute behind. */
  readonly lastUsedAt: number | null
}

export interface EdgeAnswers {
  readonly "gateway-key-create": GatewayKeyView
  readonly "gateway-key-list": { readonly items: ReadonlyArray<GatewayKeyView> }
  readonly "gateway-key-revoke": GatewayKeyView
  readonly "session-list": { readonly items: ReadonlyArray<SessionView> }
  /** Those that were ended. */
  readonly "session-end": { readonly items: ReadonlyArray<SessionView> }
}
