/**
 * Writes the reference pages under docs/reference from the code: `node infra/docs/generate.ts`. The HTTP API's page
 * (openapi.json) is made from its own contract in `openapi.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { renderConfiguration } from "./configuration.ts"
import { renderEntries } from "./entries.ts"
import { renderErrors } from "./errors.ts"
import { repositoryDir } from "./source.ts"
import { renderSubjects } from "./subjects.ts"

/** Path from the repository's root → how its text is made. */
export const PAGES: Readonly<Record<string, () => string>> = {
  "docs/reference/subjects.md": renderSubjects,
  "docs/reference/configuration.md": renderConfiguration,
  "docs/reference/errors.md": renderErrors,
  "docs/reference/entries.md": renderEntries,
}

if (import.meta.main) {
  for (const [path, render] of Object.entries(PAGES)) {
    mkdirSync(dirname(`${repositoryDir}${path}`), { recursive: true })
    writeFileSync(`${repositoryDir}${path}`, render())
  }
}
