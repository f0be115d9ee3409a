/**
 * Writes the reference pages under docs/reference, and the README's table of variables, from the code: `node
 * infra/docs/generate.ts`. The HTTP API's page
 * (openapi.json) is made from its own contract in `openapi.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { renderCommandLine } from "./command-line.ts"
import { configurationTable, renderConfiguration } from "./configuration.ts"
import { renderEntries } from "./entries.ts"
import { renderErrors } from "./errors.ts"
import { readSource, repositoryDir } from "./source.ts"
import { stateMachinePages } from "./state-machines.ts"
import { renderSubjects } from "./subjects.ts"

/** Path from the repository's root → how its text is made. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/reference/subjects.md": renderSubjects,
  "docs/reference/configuration.md": renderConfiguration,
  "docs/reference/credits.md": renderCommandLine,
  "docs/reference/errors.md": renderErrors,
  "docs/reference/entries.md": renderEntries,
  ...stateMachinePages(),
}

const BEGIN = "<!-- configuration:begin -->"
const END = "<!-- configuration:end -->"

/** The README with the table of variables between its marks. */
export const renderReadme = (readme: string): string => {
  const [head, rest] = readme.split(BEGIN)
  const tail = rest?.split(END)[1]
  if (head === undefined || tail === undefined) throw new Error(`README.md has no ${BEGIN} … ${END}`)
  return `${head}${BEGIN}\n${configurationTable()}\n${END}${tail}`
}

if (import.meta.main) {
  for (const [path, render] of Object.entries(PAGES)) {
    mkdirSync(dirname(`${repositoryDir}${path}`), { recursive: true })
    writeFileSync(`${repositoryDir}${path}`, await render())
  }
  writeFileSync(`${repositoryDir}README.md`, renderReadme(readSource("README.md")))
}
