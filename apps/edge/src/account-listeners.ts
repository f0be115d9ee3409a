/** Who looks at which account now: what the live feeds share. Owns joining and leaving, not what is told. */
import { Effect, type Scope } from "effect"

export class AccountListeners<News> {
  readonly #watched = new Map<string, Set<(news: News) => void>>()

  get isEmpty(): boolean {
    return this.#watched.size === 0
  }

  accounts(): Iterable<string> {
    return this.#watched.keys()
  }

  has(account: string): boolean {
    return this.#watched.has(account)
  }

  tell(account: string, news: News): void {
    for (const listener of this.#watched.get(account) ?? []) listener(news)
  }

  /** Listens for the life of the scope. */
  join(account: string, listener: (news: News) => void): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        const listeners = this.#watched.get(account) ?? new Set()
        this.#watched.set(account, listeners)
        listeners.add(listener)
      }),
      () =>
        Effect.sync(() => {
          const listeners = this.#watched.get(account)
          listeners?.delete(listener)
          if (listeners?.size === 0) this.#watched.delete(account)
        }),
    ).pipe(Effect.asVoid)
  }
}
