/**
 * Writes the default price books shipped in packages/pricebook from the bundled source:
 * `node apps/pricing/src/write-default-books.ts`. One model a line, so that a change of prices reads well in a diff.
 */
import { writeFileSync } from "node:fs"
import { bundledBooks } from "./genai-source.ts"

const target = new URL("../../../packages/pricebook/data/price-books.json", import.meta.url)
const { books, skipped } = await bundledBooks()
const text = books.map(({ models, ...head }) => {
  const lines = models.map((model) => `      ${JSON.stringify(model)}`)
  return `  ${JSON.stringify(head).slice(0, -1)},"models":[\n${lines.join(",\n")}\n  ]}`
})
writeFileSync(target, `[\n${text.join(",\n")}\n]\n`)
for (const { provider, model, reason } of skipped) process.stderr.write(`left out ${provider} ${model}: ${reason}\n`)
process.stdout.write(`${books.length} books, ${books[0]!.models.length} models each, ${skipped.length} left out\n`)
