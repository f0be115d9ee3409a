/** Goal: the reference pages say what the code says today. Method: make them again and compare. */
import { assert, describe, it } from "vitest"
import { DEVELOPER_VARIABLES, namedVariables, VARIABLES } from "./configuration.ts"
import { entryKinds, KINDS } from "./entries.ts"
import { errorCodes, MEANINGS } from "./errors.ts"
import { PAGES, renderReadme } from "./generate.ts"
import { readSource } from "./source.ts"

describe("reference pages", () => {
  for (const [path, render] of Object.entries(PAGES)) {
    it(`${path} is current (else: node infra/docs/generate.ts)`, async () => {
      assert.strictEqual(readSource(path), await render())
    })
  }

  it("the README's table of variables is current (else: node infra/docs/generate.ts)", () => {
    const readme = readSource("README.md")
    assert.strictEqual(readme, renderReadme(readme))
  })

  it("every environment variable that a program names has a meaning, and every meaning a program", () => {
    const known = Object.keys({ ...VARIABLES, ...DEVELOPER_VARIABLES })
    assert.deepEqual([...namedVariables()].toSorted(), known.toSorted())
  })

  it("every error code has its advice, and every advice a code", () => {
    const lists = Object.values(errorCodes())
    for (const list of lists) assert.isAbove(list.length, 4)
    const codes = new Set(lists.flat().map(({ code }) => code))
    assert.deepEqual([...codes].toSorted(), Object.keys(MEANINGS).toSorted())
  })

  it("every kind of entry is explained", () => {
    assert.deepEqual(entryKinds().toSorted(), Object.keys(KINDS).toSorted())
  })
})
