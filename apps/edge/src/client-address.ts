/**
 * The address that a request came from, as far as it can be believed. Pure. `X-Forwarded-For` is anybody's to write:
 * only the entries that our own proxies added, at its end, are looked at.
 */

/** Every subscriber of IPv6 has 2^64 addresses: they are one. */
const networkOf = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "")
  if (!plain.includes(":")) return plain
  const [head = "", tail] = plain.split("::")
  const groups = head === "" ? [] : head.split(":")
  const after = tail === undefined || tail === "" ? [] : tail.split(":")
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length)
  return [...groups, ...Array.from({ length: zeros }, () => "0"), ...after].slice(0, 4).join(":")
}

/** `trustedProxies`: how many proxies of ours a request passes; each appends the address it was sent from. */
export const clientAddressOf = (
  remote: string | undefined,
  forwardedFor: string | undefined,
  trustedProxies: number,
): string => {
  const believed = trustedProxies === 0 ? [] : (forwardedFor ?? "").split(",").slice(-trustedProxies)
  const claimed = believed[0]?.trim() ?? ""
  return networkOf(claimed === "" ? (remote ?? "unknown") : claimed)
}
