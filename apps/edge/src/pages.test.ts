import { expect, it } from "vitest"
import { takesBrotli } from "./pages.ts"

it.each([
  ["gzip, deflate, br, zstd", true],
  ["br;q=1.0, gzip;q=0.5", true],
  ["BR ; q=0.1", true],
  ["*", true],
  ["br;q=0", false],
  ["gzip, br; q=0.000", false],
  ["br;q=0, *", false],
  ["*;q=0", false],
  ["identity", false],
  ["x-br, brotli", false],
  ["", false],
  [undefined, false],
])("a browser that says %s gets brotli: %s", (accepts, takes) => {
  expect(takesBrotli(accepts)).toBe(takes)
})
