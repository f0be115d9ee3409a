/**
 * Owners of leases by host and process: one that certainly has ended needs no waiting for.
 */
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"

/** What a process writes into the leases it takes. */
export const ownerName = (): string => `${hostname()} ${process.pid} ${randomUUID()}`

/**
 * A process of this machine that has ended. Only for databases that are a file on this machine; an error here costs an
 * epoch, never a wrong write: the epoch fences.
 */
export const hasEnded = (owner: string): boolean => {
  const [host, pid] = owner.split(" ")
  if (host !== hostname() || !Number.isSafeInteger(Number(pid))) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as { readonly code?: string }).code === "ESRCH"
  }
}
