/** A model gateway that is not on the bus: its bundle as a process of its own, with the edge's address and a key. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import type { GatewayTesting } from "./gateway-customer.ts"

const MAIN = join(import.meta.dirname, "../../apps/gateway/dist/main.js")

export interface GatewayOverHttp {
  readonly url: string
  stop(): Promise<void>
}

/** Given nothing but what such a gateway has: an address and a key, no bus and no seed. */
export const startGatewayOverHttp = ({ system, key, folder }: GatewayTesting): Promise<GatewayOverHttp> => {
  const child = spawn(process.execPath, ["--enable-source-maps", MAIN], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"],
      CREDITS_GATEWAY_URL: system.url,
      CREDITS_GATEWAY_KEY: key,
      CREDITS_GATEWAY_PORT: "0",
      CREDITS_DATA_DIR: join(folder, "gateway-over-http"),
    },
  })
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve))
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM")
    await ended
  }
  return new Promise((resolve, reject) => {
    let out = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text
      const url = /API on (http:\S+)\/v1/.exec(out)?.[1]
      if (url !== undefined) resolve({ url, stop })
    })
    void ended.then((code) => reject(new Error(`the gateway ended with ${code}:\n${out}`)))
  })
}
