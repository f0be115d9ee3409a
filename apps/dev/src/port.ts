/** Ports: whether one is free, and one that is. */
import { createServer } from "node:net"
import { StartRefused } from "./refusal.ts"

/** The error code of trying to listen there, undefined when it works. */
const listenError = (port: number, host: string): Promise<{ readonly code: string } | { readonly port: number }> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? error.message }))
    server.listen(port, host, () => {
      const address = server.address()
      const bound = typeof address === "object" && address !== null ? address.port : port
      server.close(() => resolve({ port: bound }))
    })
  })

export const isFree = async (port: number): Promise<boolean> => "port" in (await listenError(port, "127.0.0.1"))

/** How a program of this machine writes the address of who listens on `host`: all addresses include the loopback. */
export const hostToAsk = (host: string): string => {
  if (host === "" || host === "0.0.0.0") return "127.0.0.1"
  if (host === "::") return "[::1]"
  return host.includes(":") ? `[${host}]` : host
}

/** So long a wanted port is waited for: between its last listener and the next, any connection may pass through it. */
const PATIENCE_MS = 2_000
const LOOK_MS = 50

/** A loopback port that was free a moment ago: the wanted one when it is, or soon is, else any. */
export const freePort = async (wanted?: number): Promise<number> => {
  const patientUntil = performance.now() + PATIENCE_MS
  while (wanted !== undefined) {
    if (await isFree(wanted)) return wanted
    if (performance.now() > patientUntil) break
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  const found = await listenError(0, "127.0.0.1")
  if ("port" in found) return found.port
  throw new StartRefused({ reason: `this machine gives no loopback port (${found.code})`, next: "look at its limits" })
}

/** The port that the edge will listen on. @throws StartRefused naming CREDITS_HTTP_PORT when it is taken. */
export const claimHttpPort = async (port: number, host: string): Promise<number> => {
  const found = await listenError(port, host)
  if ("port" in found) return found.port
  if (found.code === "EADDRINUSE") {
    throw new StartRefused({
      reason: `port ${port} is taken by another program`,
      next: `stop that program, or choose another port: CREDITS_HTTP_PORT=${port + 1} npm start`,
    })
  }
  throw new StartRefused({
    reason: `cannot listen on ${host}:${port} (${found.code})`,
    next: "set CREDITS_HTTP_PORT (and CREDITS_HTTP_HOST) to an address this user may use",
  })
}
