/**
 * The card processor of this run: the one at `CREDITS_STRIPE_API_BASE`, or the sandbox's own, started beside the
 * services with keys of this data folder. Owns those keys and what each side is told of the other; production gets
 * neither, so that payments names what is missing.
 */
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { PROCESSOR_EVENTS } from "@credits/contracts"
import type { DevConfig } from "./config.ts"
import { freePort } from "./port.ts"

/** Settings that a service finds in its environment. */
type Settings = Readonly<Record<string, string>>

export interface Processor {
  /** The sandbox's own, on loopback; undefined: it is somebody else's. */
  readonly url: string | undefined
  /** For payments, the edge and the processor itself. */
  readonly settings: Settings
}

interface Keys {
  readonly secretKey: string
  readonly publishableKey: string
  readonly webhookSecret: string
}

/** Made once per data folder, readable by this user only: whoever can sign a webhook can claim a payment. */
const keysOf = (dataDir: string): Keys => {
  const file = join(dataDir, "processor", "keys.json")
  if (!existsSync(file)) {
    mkdirSync(join(dataDir, "processor"), { recursive: true, mode: 0o700 })
    const text = (): string => randomBytes(24).toString("base64url").replaceAll(/[-_]/g, "0")
    const keys: Keys = {
      secretKey: `sk_test_${text()}`,
      publishableKey: `pk_test_${text()}`,
      webhookSecret: `whsec_${text()}`,
    }
    writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: "wx" })
  }
  return JSON.parse(readFileSync(file, "utf8")) as Keys
}

/** @param edgeUrl where the processor's webhooks arrive. */
export const processorOf = async (config: DevConfig, edgeUrl: string): Promise<Processor> => {
  const isOwn = config.processorUrl === undefined && config.environment !== "production"
  if (!isOwn || !config.services.includes("processor")) return { url: undefined, settings: {} }
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { secretKey, publishableKey, webhookSecret } = keysOf(config.dataDir)
  return {
    url,
    settings: {
      CREDITS_STRIPE_API_BASE: url,
      CREDITS_STRIPE_SECRET_KEY: secretKey,
      CREDITS_STRIPE_PUBLISHABLE_KEY: publishableKey,
      CREDITS_STRIPE_WEBHOOK_SECRET: webhookSecret,
      CREDITS_SANDBOX_PORT: String(port),
      CREDITS_SANDBOX_WEBHOOK_EVENTS: PROCESSOR_EVENTS.join(","),
      CREDITS_SANDBOX_WEBHOOK_URL: `${edgeUrl}/api/v1/webhooks/stripe`,
    },
  }
}
