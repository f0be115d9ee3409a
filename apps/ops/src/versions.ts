/** How a list of published versions (books, catalogues) looks. Pure. */
import type { VersionsAnswer } from "@credits/contracts"
import type { Answer } from "./answer.ts"
import { table } from "./table.ts"
import { instantOf } from "./wallet.ts"

export const versionsAnswer = (versions: VersionsAnswer): Answer => ({
  json: {
    current: versions.current,
    items: versions.items.map((item) => ({
      ...item,
      effectiveAt: instantOf(item.effectiveAt),
      publishedAt: instantOf(item.publishedAt),
    })),
  },
  text:
    versions.items.length === 0
      ? "nothing was published"
      : table(
          [
            { title: "VERSION" },
            { title: "IN FORCE FROM" },
            { title: "NOW" },
            { title: "PUBLISHED" },
            { title: "BY" },
            { title: "REASON" },
          ],
          versions.items.map((item) => [
            item.version,
            instantOf(item.effectiveAt),
            item.version === versions.current ? "yes" : "",
            instantOf(item.publishedAt),
            item.by,
            item.reason,
          ]),
        ),
})
