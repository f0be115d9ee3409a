/**
 * The repository's own files as text, for the tidy test: what there is, what imports what, and which files are the
 * pure core.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"

const repositoryDir = fileURLToPath(new URL("..", import.meta.url))

export interface Source {
  /** From the repository's root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
}

export interface Import {
  readonly from: string
  readonly line: number
  /** As written. */
  readonly target: string
  /** `apps/<name>` or `packages/<name>` that a relative target lies in. */
  readonly room: string | undefined
  readonly typeOnly: boolean
}

const ROOTS = ["apps", "packages", "infra", "tests", "docs", "bin"]
const TEXTS = /\.(ts|tsx|mjs|json|ya?ml|md|sql|css|html|sh)$/
const IGNORED = new Set(["node_modules", "dist", "data"])

const filesUnder = (folder: string): readonly string[] =>
  readdirSync(join(repositoryDir, folder), { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED.has(entry.name) || entry.name.startsWith(".")) return []
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return filesUnder(path)
    return TEXTS.test(entry.name) ? [path] : []
  })

const read = (path: string): Source => {
  const text = readFileSync(join(repositoryDir, path), "utf8")
  return { path, text, lines: text.split("\n") }
}

/** Every text of the repository that people write. */
export const sources: readonly Source[] = [
  ...ROOTS.filter((root) => existsSync(join(repositoryDir, root))).flatMap(filesUnder),
  ...readdirSync(repositoryDir).filter((name) => TEXTS.test(name) && name !== "pnpm-lock.yaml"),
].map(read)

/** Tests and measurements stand beside the code and may reach further than it. */
export const isTest = (path: string): boolean => /\.(test|bench)\.tsx?$/.test(path)

/** `apps/<name>` or `packages/<name>` of a path, undefined elsewhere. */
export const roomOf = (path: string): string | undefined => /^(?:apps|packages)\/[^/]+/.exec(path)?.[0]

const IMPORT = /^(?:(import|export)\s+(type\s)?(?:[^"']*?\sfrom\s+)?|.*?\bimport\()["']([^"']+)["']/
const IMPORT_END = /^\}\s+from\s+["']([^"']+)["']/

/** The imports, re-exports and dynamic imports of these sources, also those spread over several lines. */
export const importsOf = (where: readonly Source[]): readonly Import[] =>
  where.flatMap((source) => {
    const found: Import[] = []
    let typeOnlyBlock = false
    source.lines.forEach((line, index) => {
      const opening = /^(?:import|export)\s+(type\s+)?\{[^}]*$/.exec(line)
      if (opening !== null) typeOnlyBlock = opening[1] !== undefined
      const single = IMPORT.exec(line)
      const end = single === null ? IMPORT_END.exec(line) : null
      const target = single?.[3] ?? end?.[1]
      if (target === undefined) return
      const typeOnly = single === null ? typeOnlyBlock : single[2] !== undefined
      found.push({ from: source.path, line: index + 1, target, room: roomOf(resolve(source.path, target)), typeOnly })
    })
    return found
  })

const resolve = (from: string, target: string): string =>
  target.startsWith(".") ? normalize(join(dirname(from), target)) : ""

/** Where the pure core of each room begins; what these import from their own folder belongs to it. */
const PURE_BEGINS = [
  /^packages\/(kernel|pricebook)\/src\//,
  /^apps\/ledger\/src\/(account|authorize|charge|debt|due|entitlement|entry)\.ts$/,
  /^apps\/ledger\/src\/(exchange|grant|hold|lot|outcome|reversal)\.ts$/,
  /^apps\/pricing\/src\/(rating|usage)\.ts$/,
  /^packages\/sandbox-processor\/src\/(card|charge|customer|dispute|payment-intent|payment-method)\.ts$/,
  /^packages\/sandbox-processor\/src\/(endpoint|form|listing|parameter|refund|setup-intent)\.ts$/,
  /^apps\/subscriptions\/src\/machine\.ts$/,
  /^apps\/payments\/src\/(card|charge|decline|intent|method|pacer|reconciliation)\.ts$/,
  /^apps\/topup\/src\/(cap|consent|standing|topup|view)\.ts$/,
  /^apps\/notifications\/src\/(attempt|from-\w+|inbox|notification|preference|view|templates\/\w+)\.ts$/,
]

/** The files that hold decisions only: everything in and out is an argument or a result. */
export const pureSources: readonly Source[] = (() => {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const pure = new Map<string, Source>()
  const visit = (source: Source): void => {
    if (pure.has(source.path)) return
    pure.set(source.path, source)
    for (const { target, typeOnly } of importsOf([source])) {
      const next = byPath.get(resolve(source.path, target))
      if (next !== undefined && !typeOnly && next.path.endsWith(".ts")) visit(next)
    }
  }
  for (const source of sources) {
    if (source.path.endsWith(".ts") && !isTest(source.path) && PURE_BEGINS.some((begin) => begin.test(source.path)))
      visit(source)
  }
  return [...pure.values()]
})()
