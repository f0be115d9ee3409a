/**
 * Goal: the repository stays what ARCHITECTURE.md and CONTRIBUTING.md say it is. Method: every source is read as text;
 * a test fails with the list of places, each as `file:line what is wrong`.
 */
import { assert, describe, it } from "vitest"
import { importsOf, isTest, pureSources, roomOf, sources, type Source } from "./tidy-sources.ts"

const FILE_LINES_MAX = 400
const LINE_CHARS_MAX = 120

const none = (places: readonly string[]) => assert.deepStrictEqual(places, [])

/** Every line of these sources that matches, as places. The pattern's own file is this one: it is left out. */
const linesWith = (where: readonly Source[], pattern: RegExp, what: string): readonly string[] =>
  where
    .filter((source) => !source.path.startsWith("tests/tidy"))
    .flatMap((source) =>
      source.lines.flatMap((line, index) => (pattern.test(line) ? [`${source.path}:${index + 1} ${what}`] : [])),
    )

const inRooms = (...rooms: readonly string[]) =>
  sources.filter((source) => rooms.some((room) => source.path.startsWith(`${room}/`)))

const code = sources.filter((source) => /\.(ts|tsx|mjs)$/.test(source.path))

describe("tidy: layers", () => {
  it("there is something to check", () => {
    assert.isAbove(code.length, 50)
    assert.isAbove(pureSources.length, 10)
  })

  it("an app imports no other app and nothing of ours imports an app", () => {
    none(
      importsOf(inRooms("apps", "packages")).flatMap(({ from, line, target, room }) => {
        const isApp = target.startsWith("@credits/app-") || (room?.startsWith("apps/") ?? false)
        return isApp && room !== roomOf(from) ? [`${from}:${line} imports ${target}`] : []
      }),
    )
  })

  it("a package or app reaches another only through its name, never by a path out of its folder", () => {
    none(
      importsOf(inRooms("apps", "packages"))
        .filter(({ from, target, room }) => target.startsWith(".") && room !== roomOf(from) && !isTest(from))
        .map(({ from, line, target }) => `${from}:${line} imports ${target}`),
    )
  })

  it("the kernel depends on nothing but the language", () => {
    none(
      importsOf(inRooms("packages/kernel"))
        .filter(({ from, target }) => !isTest(from) && !target.startsWith("./") && !target.startsWith("node:"))
        .map(({ from, line, target }) => `${from}:${line} imports ${target}`),
    )
  })

  it("pure files import no Effect, no database, no bus and nothing of Node's but hashes", () => {
    const allowed = /^(\.{1,2}\/|@credits\/(kernel|pricebook|contracts)$|node:crypto$)/
    none(
      importsOf(pureSources)
        .filter(({ target, typeOnly }) => !allowed.test(target) && !typeOnly)
        .map(({ from, line, target }) => `${from}:${line} imports ${target}`),
    )
  })

  it("pure files read no clock, draw no random number and touch no process", () => {
    const impure =
      /\b(Date\.now\(|new Date\(\)|performance\.|Math\.random\(|random[A-Z]\w+\(|process\.|set(Timeout|Interval)\()/
    none(linesWith(pureSources, impure, "is not pure"))
  })

  it("every source is used: an entry, or mentioned by another source", () => {
    const entries = /\b(src\/[\w./-]+\.ts)\b/g
    const manifests = sources.filter((source) => source.path.endsWith("package.json"))
    const named = new Set(
      manifests.flatMap((manifest) =>
        [...manifest.text.matchAll(entries)].map(([, entry]) => manifest.path.replace("package.json", entry ?? "")),
      ),
    )
    const dead = inRooms("apps", "packages").filter((source) => {
      if (!/\.tsx?$/.test(source.path) || isTest(source.path) || named.has(source.path)) return false
      // A program for a person's hand says in its own first lines how it is called.
      if (source.text.includes(`node ${source.path}`)) return false
      const name = source.path.slice(source.path.lastIndexOf("/") + 1).replaceAll(".", "\\.")
      const mention = new RegExp(`["'\`/ ]${name}\\b`)
      return !sources.some(
        (other) => other !== source && /\.(ts|tsx|mjs|json|html)$/.test(other.path) && mention.test(other.text),
      )
    })
    none(dead.map((source) => `${source.path}:1 is used by nothing`))
  })
})

describe("tidy: files", () => {
  it("a file has at most 400 lines", () => {
    none(
      code
        .filter((source) => source.lines.length > FILE_LINES_MAX + 1)
        .map((source) => `${source.path}:${source.lines.length} is too long`),
    )
  })

  it("a line has at most 120 characters", () => {
    none(
      code.flatMap((source) =>
        source.lines.flatMap((line, index) =>
          // An address cannot be broken.
          line.length > LINE_CHARS_MAX && !/https?:\/\/\S{60}/.test(line)
            ? [`${source.path}:${index + 1} is too long`]
            : [],
        ),
      ),
    )
  })

  it("a source opens with a comment that says what it owns", () => {
    none(
      inRooms("apps", "packages", "infra")
        .filter(({ path }) => /\.(ts|tsx|mjs)$/.test(path) && !isTest(path))
        .filter(({ text }) => !/^(#!.*\n)?\/[*/]/.test(text))
        .map((source) => `${source.path}:1 opens with no comment`),
    )
  })

  it("no file or folder is named for being left over", () => {
    const vague = /(^|[/.-])(utils?|helpers?|common|misc|shared|types)(\.[a-z.]+$|\/)/
    none(sources.filter((source) => vague.test(source.path)).map((source) => `${source.path}:1 has no name of its own`))
  })
})

describe("tidy: words", () => {
  it("nothing is left for later", () => {
    none(linesWith(sources, /\b(TODO|FIXME|XXX|HACK)\b/, "is left over"))
  })

  it("no test is switched off or alone", () => {
    const sleeping = /\b(it|test|describe|layer)(\.[a-zA-Z]+)*\.(only|skip|todo)\(/
    none(linesWith(code, sleeping, "switches tests off"))
  })

  it("services log through Effect, not to the console", () => {
    const services = inRooms("apps", "packages").filter((source) => !/^apps\/(ops|dev)\//.test(source.path))
    none(linesWith(services, /\bconsole\.(log|info|warn|error|debug)\(/, "writes to the console"))
  })

  it("no type check or lint is silenced without a reason beside it", () => {
    none(linesWith(code, /@ts-(ignore|nocheck)/, "silences the type check"))
    const silenced = code.flatMap((source) =>
      source.lines.flatMap((line, index) => {
        const hasReason = / -- \S/.test(line) || /^\s*(\/\/|\*)/.test(source.lines[index - 1] ?? "")
        return /(oxlint|eslint)-disable/.test(line) && !hasReason && !source.path.startsWith("tests/tidy")
          ? [`${source.path}:${index + 1} silences the linter without a reason`]
          : []
      }),
    )
    none(silenced)
  })

  it("no path of somebody's machine is written down", () => {
    const machine = /["'`\s(=](\/home\/|\/root\/|\/Users\/|\/work\/|\/tmp\/|\/mnt\/)/
    none(linesWith(code, machine, "names a machine's folder"))
    none(linesWith(code, /\.\.\/shared\b/, "reaches out of the repository"))
  })
})
