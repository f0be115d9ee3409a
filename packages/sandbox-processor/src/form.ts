/**
 * Bodies and queries as Stripe's clients write them: `a=1&b[c]=2&d[]=x&e[0][f]=y`. Text in, tree out; what the names
 * mean is `parameter.ts`.
 */
import { invalidValue } from "./refusal.ts"

export type FormTree = Map<string, FormValue>
export type FormValue = string | FormTree

/** Ours use a dozen; more is a mistake or an attack. */
const FIELDS_MAX = 1_000
const DEPTH_MAX = 8
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/

const decoded = (text: string): string => {
  if (!text.includes("%") && !text.includes("+")) return text
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    throw invalidValue(`Invalid percent-encoding: ${text.slice(0, 100)}`)
  }
}

const put = (tree: FormTree, name: string, value: string): void => {
  if (!name.includes("[")) {
    tree.set(name, value)
    return
  }
  const match = NAME.exec(name)
  if (match === null) throw invalidValue(`Invalid parameter name: ${name.slice(0, 100)}`)
  const keys = [match[1]!, ...match[2]!.slice(1, -1).split("][")]
  if (keys.length > DEPTH_MAX) throw invalidValue(`Parameter nested too deeply: ${name.slice(0, 100)}`)
  let node = tree
  for (const [index, key] of keys.entries()) {
    // `[]` appends.
    const at = key === "" ? String(node.size) : key
    if (index === keys.length - 1) {
      node.set(at, value)
      return
    }
    let next = node.get(at)
    if (next === undefined) {
      next = new Map()
      node.set(at, next)
    }
    if (typeof next === "string") throw invalidValue(`Invalid ${match[1]!}: it is both a value and a hash`)
    node = next
  }
}

export const readForm = (text: string): FormTree => {
  const tree: FormTree = new Map()
  if (text === "") return tree
  const fields = text.split("&")
  if (fields.length > FIELDS_MAX) throw invalidValue(`More than ${FIELDS_MAX} parameters.`)
  for (const field of fields) {
    if (field === "") continue
    const equals = field.indexOf("=")
    if (equals === -1) put(tree, decoded(field), "")
    else put(tree, decoded(field.slice(0, equals)), decoded(field.slice(equals + 1)))
  }
  return tree
}

/** One text for equal trees, whatever the order of their fields: what idempotency compares. */
export const canonicalForm = (value: FormValue): string =>
  typeof value === "string"
    ? JSON.stringify(value)
    : `{${[...value]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, child]) => `${JSON.stringify(key)}:${canonicalForm(child)}`)
        .join(",")}}`
