/**
 * Turns the log lines of services into lines a person reads: their JSON becomes `time LEVEL message key=value`,
 * anything else passes as it is. Pure.
 */
import { withoutSecrets } from "@credits/telemetry"

const NAME_WIDTH = 8

/** As `@credits/telemetry` writes them; what is not named here is a field of its own. */
interface ServiceLog {
  readonly time?: unknown
  readonly level?: unknown
  readonly service?: unknown
  readonly message?: unknown
  readonly cause?: unknown
}

const text = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)))

const pairs = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .map(([key, each]) => ` ${key}=${text(each)}`)
    .join("")

const clockTime = (time: unknown): string => (typeof time === "string" && time.length >= 19 ? time.slice(11, 19) : "")

const parsed = (line: string): ServiceLog | undefined => {
  if (!line.startsWith("{")) return undefined
  try {
    const log = JSON.parse(line) as ServiceLog
    return log.message === undefined && log.level === undefined ? undefined : log
  } catch {
    return undefined
  }
}

/** One line of a service; the result may have several lines when a cause is told. */
export const readableLine = (line: string): string => {
  const log = parsed(line)
  if (log === undefined) return line
  const { time, level, service: _, message, cause, ...fields } = log
  const words = [clockTime(time), text(level ?? "info").toUpperCase(), text(message ?? "")]
  const told = words.filter((word) => word !== "").join(" ") + pairs(fields as Readonly<Record<string, unknown>>)
  return typeof cause === "string" && cause !== "" ? `${told}\n${cause}` : told
}

/** One JSON object a line, whoever said it: for whatever collects logs. */
export const jsonLine = (service: string, line: string, at: Date): string =>
  parsed(line) === undefined
    ? JSON.stringify({ time: at.toISOString(), level: levelOf(line), service, message: withoutSecrets(line) })
    : line

/** nats-server's own lines begin with it. */
const levelOf = (line: string): string => (/^(WARN|ERROR)\b/.exec(line)?.[1] ?? "info").toLowerCase()

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
