import { assert, it } from "vitest"
import { random, zipf } from "./random.ts"

it("zipf gives the first rank its share and never leaves the range", () => {
  const choose = zipf(1_000, 1, random(1))
  const counts = Array.from({ length: 1_000 }, () => 0)
  for (let i = 0; i < 100_000; i++) counts[choose()]!++
  const harmonic = Array.from({ length: 1_000 }, (_, k) => 1 / (k + 1)).reduce((a, b) => a + b)
  assert.closeTo(counts[0]! / 100_000, 1 / harmonic, 0.01)
  assert.closeTo(counts[9]! / 100_000, 0.1 / harmonic, 0.005)
})
