/**
 * Turns the log lines of services into lines a person reads: the JSON of Effect's logger becomes `level message
 * key=value`, anything else passes as it is. Pure.
 */

const NAME_WIDTH = 8

interface EffectLog {
  readonly message?: unknown
  readonly level?: unknown
  readonly timestamp?: unknown
  readonly cause?: unknown
  readonly annotations?: unknown
  readonly spans?: unknown
}

const text = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)))

const pairs = (value: unknown): string =>
  value !== null && typeof value === "object"
    ? Object.entries(value)
        .map(([key, each]) => ` ${key}=${text(each)}`)
        .join("")
    : ""

const clockTime = (timestamp: unknown): string =>
  typeof timestamp === "string" && timestamp.length >= 19 ? timestamp.slice(11, 19) : ""

/** `key=value` or `key="a JSON string"`, as Effect's logfmt logger writes them. */
const LOGFMT_PAIR = /([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|\S*)/g

const readableLogfmt = (line: string): string => {
  const {
    timestamp,
    level,
    message,
    cause,
    fiber: _,
    ...rest
  } = Object.fromEntries([...line.matchAll(LOGFMT_PAIR)].map(([, key, value]) => [key!, unquoted(value!)]))
  return readable({ timestamp, level, message, cause, annotations: rest })
}

const unquoted = (value: string): string => {
  if (!value.startsWith('"')) return value
  try {
    return JSON.parse(value) as string
  } catch {
    return value
  }
}

/** One line of a service; the result may have several lines when a cause is told. */
export const readableLine = (line: string): string => {
  if (line.startsWith("timestamp=")) return readableLogfmt(line)
  if (!line.startsWith("{")) return line
  let log: EffectLog
  try {
    log = JSON.parse(line) as EffectLog
  } catch {
    return line
  }
  return log.message === undefined && log.level === undefined ? line : readable(log)
}

const readable = (log: EffectLog): string => {
  const message = Array.isArray(log.message) ? log.message.map(text).join(" ") : text(log.message ?? "")
  const level = text(log.level ?? "INFO").toUpperCase()
  const cause = typeof log.cause === "string" && log.cause !== "" ? `\n${log.cause}` : ""
  return (
    [clockTime(log.timestamp), level, message].filter((part) => part !== "").join(" ") + pairs(log.annotations) + cause
  )
}

/** Every line with the name of who said it in front. */
export const prefixed = (name: string, lines: string): string =>
  lines
    .split("\n")
    .map((line) => `${name.padEnd(NAME_WIDTH)}| ${line}`)
    .join("\n")

/** Cuts a stream of chunks into lines; keeps the unfinished last one. */
export const lineSplitter = (onLine: (line: string) => void): ((chunk: string) => void) => {
  let rest = ""
  return (chunk) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) if (line !== "") onLine(line)
  }
}

/** What nats-server says that a person should see: warnings and errors, without its own time and pid. */
export const natsLine = (line: string): string | undefined => {
  const match = /\[(WRN|ERR|FTL)\] (.*)$/.exec(line)
  return match === null ? undefined : `${match[1] === "WRN" ? "WARN" : "ERROR"} ${match[2]}`
}
