/** Goal: the drawings show every arrow of a machine and nothing else. Method: a small machine, and the real ones. */
import { assert, describe, it } from "vitest"
import { programsBelow, readSource } from "./source.ts"
import { MACHINES, mermaidOf, renderMachine, renderStateMachines, type DocumentedMachine } from "./state-machines.ts"

const door: DocumentedMachine = {
  machine: {
    name: "door",
    transitions: {
      door: [
        { from: "closed", to: "open", on: "somebody pushes; or pulls: it depends" },
        { from: "open", to: "closed", on: "the wind" },
        { from: "open", to: "closed", on: "somebody" },
        { from: "closed", to: "gone", on: "demolition" },
      ],
    },
  },
  app: "apps/house",
  source: "apps/house/src/door.ts",
  about: "A door.",
}

describe("drawings of state machines", () => {
  it("begin with the first arrow's from, end where nothing leads out, and merge arrows of the same ends", () => {
    assert.strictEqual(
      mermaidOf(door.machine.transitions["door"]!),
      [
        "```mermaid",
        "stateDiagram-v2",
        "  [*] --> closed",
        "  closed --> open: somebody pushes, or pulls – it depends",
        "  open --> closed: the wind, or somebody",
        "  closed --> gone: demolition",
        "  gone --> [*]",
        "```",
      ].join("\n"),
    )
  })

  it("every machine of every app is drawn", () => {
    const written = programsBelow("apps").filter(
      (path) => !/fixture|kit/.test(path) && /^ {2}transitions: /m.test(readSource(path)),
    )
    assert.deepEqual(MACHINES.map(({ source }) => source).toSorted(), written.toSorted())
  })

  it("a page has every arrow in words, the index every machine", () => {
    const page = renderMachine(door)
    for (const { on } of door.machine.transitions["door"]!) assert.include(page, `| ${on} |`)
    assert.include(page, "[apps/house](../../../apps/house/README.md)")
    assert.include(
      renderStateMachines([door]),
      "| [door](state-machines/door.md) | `apps/house` | door (3 phases) | A door. |",
    )
  })
})
