/** nkeys of bus users: the seed is the secret a service connects with, the public key is what the server knows. */
import { createUser, fromSeed } from "@nats-io/nkeys"

export interface BusKey {
  readonly seed: string
  readonly publicKey: string
}

export const makeBusKey = (): BusKey => {
  const pair = createUser()
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() }
}

/** @throws Error when the text is not a seed. */
export const busKeyOf = (seed: string): BusKey => ({
  seed,
  publicKey: fromSeed(new TextEncoder().encode(seed)).getPublicKey(),
})
