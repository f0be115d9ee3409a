/** Goal: what waits is written by one commit, in order, and learns how that ended. Method: commits that a test ends. */
import { assert, describe, it } from "vitest"
import { Together } from "./together.ts"

const commits = () => {
  const begun: Array<{ readonly items: ReadonlyArray<string>; readonly end: (error?: Error) => void }> = []
  const together = new Together<string>((items) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    begun.push({ items, end: (error) => (error === undefined ? resolve() : reject(error)) })
    return promise
  })
  return { begun, together }
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe("writing together", () => {
  it("the first at once, those that come meanwhile as one, in their order", async () => {
    const { begun, together } = commits()
    const first = together.add("a")
    await turn()
    const rest = [together.add("b"), together.add("c")]
    await turn()
    assert.deepStrictEqual(
      begun.map(({ items }) => items),
      [["a"]],
    )
    begun[0]!.end()
    await first
    await turn()
    assert.deepStrictEqual(begun[1]!.items, ["b", "c"])
    begun[1]!.end()
    await Promise.all(rest)
  })

  it("one that fails tells all of its items, and those behind it are written", async () => {
    const { begun, together } = commits()
    const lost = [together.add("a"), together.add("b")].map((each) => each.catch((error: Error) => error.message))
    await turn()
    const next = together.add("c")
    begun[0]!.end(new Error("disk full"))
    assert.deepStrictEqual(await Promise.all(lost), ["disk full", "disk full"])
    await turn()
    assert.deepStrictEqual(begun[1]!.items, ["c"])
    begun[1]!.end()
    await next
  })
})
