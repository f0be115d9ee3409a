import { describe, expect, it } from "vitest"
import { clientAddressOf } from "./client-address.ts"

describe("where a request came from", () => {
  it.each([
    ["without trust, whatever the header says", "10.0.0.1", "1.2.3.4", 0, "10.0.0.1"],
    ["one proxy: the last entry", "10.0.0.1", "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"],
    ["two proxies: the last but one", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", 2, "1.2.3.4"],
    ["fewer entries than proxies", "10.0.0.1", "1.2.3.4", 3, "1.2.3.4"],
    ["no header", "10.0.0.1", undefined, 1, "10.0.0.1"],
    ["an empty header", "10.0.0.1", "", 1, "10.0.0.1"],
    ["IPv4 in IPv6", "::ffff:10.0.0.1", undefined, 0, "10.0.0.1"],
    ["an IPv6 network", "2001:db8:1:2:3:4:5:6", undefined, 0, "2001:db8:1:2"],
    ["a short IPv6", "2001:db8::1", undefined, 0, "2001:db8:0:0"],
    ["IPv6 loopback", "::1", undefined, 0, "0:0:0:0"],
    ["nothing", undefined, undefined, 0, "unknown"],
  ])("D1 #18 %s", (_, remote, header, proxies, address) => {
    expect(clientAddressOf(remote, header, proxies)).toBe(address)
  })
})
