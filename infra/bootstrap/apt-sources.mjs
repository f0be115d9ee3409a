/**
 * The mirrors a machine's apt uses, read from both forms of its source files: one line per source (`*.list`) and
 * stanzas (`*.sources`, deb822). Understands what is needed to ask the same mirror for another suite, and ignores the
 * rest.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/**
 * `key` is what vouches for the mirror: the path of a keyring, the keys themselves, or null for apt's default keys.
 * @typedef {{ uri: string, suites: readonly string[], key: { path: string } | { text: string } | null }} AptSource
 */

/**
 * @param {string} folder /etc/apt
 * @returns {AptSource[]} in apt's own order
 */
export const readAptSources = (folder) => {
  const parts = join(folder, "sources.list.d")
  const names = existsSync(parts) ? readdirSync(parts).toSorted() : []
  const files = [join(folder, "sources.list"), ...names.map((name) => join(parts, name))].filter((file) =>
    existsSync(file),
  )
  return files.flatMap((file) => {
    if (file.endsWith(".list")) return parseLines(readFileSync(file, "utf8"))
    if (file.endsWith(".sources")) return parseStanzas(readFileSync(file, "utf8"))
    return []
  })
}

/**
 * @param {string} text `deb [signed-by=/path] uri suite component…`, one a line
 * @returns {AptSource[]}
 */
export const parseLines = (text) =>
  text.split("\n").flatMap((line) => {
    const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line)
    if (found === null) return []
    const [, options = "", uri = "", suite = ""] = found
    const keyring = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1]
    return [{ uri, suites: [suite], key: keyring === undefined ? null : { path: keyring } }]
  })

/**
 * @param {string} text deb822: `Field: value` lines, continued by indented ones, stanzas apart by empty lines
 * @returns {AptSource[]}
 */
export const parseStanzas = (text) =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = fieldsOf(stanza)
    const words = (/** @type {string} */ name) => (fields.get(name) ?? "").split(/\s+/).filter((word) => word !== "")
    const uri = words("uris")[0]
    const isOff = /^(no|false|0|off)$/i.test(fields.get("enabled") ?? "")
    if (uri === undefined || isOff || !words("types").includes("deb")) return []
    return [{ uri, suites: words("suites"), key: keyOf(fields.get("signed-by") ?? "") }]
  })

/** @param {string} stanza */
const fieldsOf = (stanza) => {
  /** @type {Map<string, string>} */
  const fields = new Map()
  let current = ""
  for (const line of stanza.split("\n")) {
    if (line.startsWith("#")) continue
    const found = /^([A-Za-z][A-Za-z0-9-]*):\s*(.*)$/.exec(line)
    if (found !== null) {
      current = (found[1] ?? "").toLowerCase()
      fields.set(current, found[2] ?? "")
    } else if (current !== "" && /^\s/.test(line)) {
      fields.set(current, `${fields.get(current)}\n${line.trim()}`)
    }
  }
  return fields
}

/**
 * @param {string} value of Signed-By
 * @returns {AptSource["key"]}
 */
const keyOf = (value) => {
  const text = value.trim()
  if (text === "") return null
  if (!text.includes("BEGIN PGP")) return { path: text.split(/\s+/)[0] ?? text }
  // A lone dot stands for an empty line inside a field.
  return { text: `${text.replace(/^\.$/gm, "")}\n` }
}

/**
 * @param {AptSource} source
 * @param {string} suite
 * @param {string} component
 * @param {string} folder where keys that stand in the source itself are written
 * @returns {string} the line that asks the same mirror for this suite, package lists only
 */
export const aptSourceLine = (source, suite, component, folder) => {
  const options = ["target=Packages"]
  if (source.key !== null && "path" in source.key) options.push(`signed-by=${source.key.path}`)
  if (source.key !== null && "text" in source.key) {
    const path = join(folder, "mirror.asc")
    writeFileSync(path, source.key.text)
    options.push(`signed-by=${path}`)
  }
  return `deb [${options.join(" ")}] ${source.uri} ${suite} ${component}`
}
