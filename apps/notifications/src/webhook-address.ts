/**
 * Where webhooks may go. In production only to public addresses over https: an operator's typing error, or a name that
 * resolves to the inside, must not let this process call services that trust its network. Owns the list of what is not
 * public; names are looked at when they are resolved (`webhook-channel.ts`), so that a name cannot change in between.
 */
import { BlockList, isIP } from "node:net"

const notPublic = new BlockList()
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const) {
  notPublic.addSubnet(network, prefix, "ipv4")
}
/** Global unicast is 2000::/3; everything else is local, mapped, or nobody's. Inside it, these lead elsewhere. */
const globalUnicast = new BlockList()
globalUnicast.addSubnet("2000::", 3, "ipv6")
for (const [network, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const) {
  notPublic.addSubnet(network, prefix, "ipv6")
}

/** Of an IP address; a text that is none is not public. */
export const isPublicAddress = (address: string): boolean => {
  const family = isIP(address)
  if (family === 4) return !notPublic.check(address, "ipv4")
  return family === 6 && globalUnicast.check(address, "ipv6") && !notPublic.check(address, "ipv6")
}

/** `[::1]` as URLs spell it is `::1`. */
const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, "")

/** Why an endpoint may not have this URL; null: it may. */
export const urlRefusal = (text: string, isProduction: boolean): string | null => {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return "must be an http(s) URL"
  if (url.username !== "" || url.password !== "") return "must not carry a user or password"
  if (!isProduction) return null
  if (url.protocol !== "https:") return "must be https in production"
  const host = bare(url.hostname)
  if (isIP(host) !== 0 && !isPublicAddress(host)) return "must not be a private or loopback address"
  if (host === "localhost" || host.endsWith(".localhost")) return "must not be a loopback address"
  return null
}
