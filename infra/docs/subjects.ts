/**
 * docs/reference/subjects.md: subjects, streams, buckets, headers, requests and permissions, from packages/contracts.
 */
import {
  ATOMIC_BATCH_MESSAGES_MAX,
  BUCKETS,
  BUS_USERS,
  EVENT_BYTES_MAX,
  HEADERS,
  MESSAGE_BYTES_MAX,
  permissionsOf,
  STREAMS,
  SUBJECTS,
  USAGE_EVENTS_PER_MESSAGE_MAX,
  type StreamSpec,
} from "@credits/contracts"
import { partitionOf, PARTITIONS } from "@credits/kernel"
import { interfacesOf, markdownTable, membersOfConstant, pageHead, readSource, type Member } from "./source.ts"

const CONTRACTS = "packages/contracts/src"
const users = permissionsOf("development")

/** NATS wildcards: does a permission reach a subject that may itself end in `*`? */
const reaches = (pattern: string, subject: string): boolean => {
  const left = pattern.split(".")
  const right = subject.split(".")
  for (let i = 0; i < left.length; i++) {
    if (left[i] === ">") return right.length > i
    if (right[i] === undefined) return false
    if (left[i] !== "*" && right[i] !== "*" && left[i] !== right[i]) return false
  }
  return left.length === right.length
}

const who = (side: "publish" | "subscribe", subject: string): string =>
  BUS_USERS.filter((user) => users[user][side].some((pattern) => reaches(pattern, subject))).join(", ") || "–"

/** What carries the subject: a stream keeps it, or it is gone when nobody listens. */
const carrier = (subject: string): string =>
  Object.values(STREAMS).find((stream) => stream.subjects.some((pattern) => reaches(pattern, subject)))?.name ??
  "core NATS"

const streamsOf = (subject: string): ReadonlyArray<string> =>
  Object.values<StreamSpec>(STREAMS).flatMap((stream) =>
    stream.subjects.some((pattern) => reaches(pattern, subject)) ? stream.readers : [],
  )

/** Readers of a stream read it through JetStream, not by a subscription of their own. */
const readers = (subject: string): string => {
  const direct = who("subscribe", subject)
  const all = [...streamsOf(subject), ...(direct === "–" ? [] : direct.split(", "))]
  return [...new Set(all)].join(", ") || "–"
}

const PARAMETERS: Readonly<Record<string, string>> = {
  pricingRequest: "<op>",
  edgeRequest: "<op>",
  deadLetter: "<service>",
}

/** What the sources leave to their names. */
const MEANINGS: Readonly<Record<string, string>> = {
  ledgerJournal: "Every entry after its commit, in order; each message names the one before it.",
  ledgerSignal: "What somebody must act on: low balance, refused for want of credit, debt, an expiry, credit used.",
  ledgerTick: "Newest balances of the accounts that changed, at most four messages a second.",
  deadLetter: "What nobody could use, with its reason.",
  catalogues: "As `price-books`, of plan catalogues.",
  trace: "W3C trace context.",
  Freeze: "No new authorizations of the account (R6.2).",
  Unfreeze: "Authorizations again.",
  ReadWallet: "The account's numbers, lots and holds now.",
  ReadStatement: "Its entries, newest first, a page at a time.",
  ReadHold: "One hold.",
  PublishCatalogue: "As `book-publish`, for plans (R0.2).",
  ListWebhooks: "Every endpoint there is or was, newest first.",
  ShowWebhook: "One of them, with its newest deliveries.",
  ReadPreferences: "Which groups are told where.",
  ListVersions: "Every published version with its effective instant.",
}

const contract = (file: string): string => readSource(`${CONTRACTS}/${file}`)
const meaning = ({ name, doc }: Member): string => (doc === "" ? (MEANINGS[name] ?? "") : doc)

const subjectRows = (): ReadonlyArray<ReadonlyArray<string>> =>
  membersOfConstant(contract("subjects.ts"), "SUBJECTS").map((member) => {
    const make = SUBJECTS[member.name as keyof typeof SUBJECTS] as string | ((parameter: string) => string)
    const shown = typeof make === "string" ? make : make(PARAMETERS[member.name] ?? "<partition>")
    const matched = typeof make === "string" ? make : make("*")
    return [`\`${shown}\``, carrier(matched), who("publish", matched), readers(matched), meaning(member)]
  })

const gib = (bytes: number): string => (bytes < 1024 ** 3 ? `${bytes / 1024 ** 2} MiB` : `${bytes / 1024 ** 3} GiB`)

const streamRows = Object.values<StreamSpec>(STREAMS).map((stream) => [
  `\`${stream.name}\``,
  stream.subjects.map((subject) => `\`${subject}\``).join(", "),
  gib(stream.maxBytes),
  stream.readers.join(", ") || "–",
])

const bucketRows = () =>
  membersOfConstant(contract("subjects.ts"), "BUCKETS").map((member) => [
    `\`${BUCKETS[member.name as keyof typeof BUCKETS]}\``,
    meaning(member),
  ])

const headerRows = () =>
  membersOfConstant(contract("subjects.ts"), "HEADERS").map((member) => [
    `\`${HEADERS[member.name as keyof typeof HEADERS]}\``,
    meaning(member),
  ])

/** Requests are the interfaces that have an `op`; one interface may be several of them. */
const requestRows = (file: string) =>
  interfacesOf(contract(file)).flatMap((found) => {
    const ops = /^ {2}readonly op: (.*?);?$/m.exec(found.body)?.[1]
    if (ops === undefined) return []
    const fields = [...found.body.matchAll(/^ {2}readonly (\w+\??):/gm)].map(([, field]) => field!)
    const shown = fields.filter((field) => field !== "op").map((field) => `\`${field}\``)
    return [[ops.replaceAll('"', "`").replaceAll("|", "or"), shown.join(" "), meaning(found)]]
  })

const permissionRows = BUS_USERS.map((user) => {
  const { publish, subscribe, responds } = users[user]
  const list = (subjects: ReadonlyArray<string>) => subjects.map((each) => `\`${each}\``).join("<br>")
  return [user, list(publish), `${list(subscribe)}${responds ? "<br>and may answer what it receives" : ""}`]
})

const partitionRows = ["acc_demo", "acc_1", "acc_01k9zq"].map((id) => [`\`${id}\``, String(partitionOf(id))])
const FILES = ["subjects.ts", "permissions.ts", "ledger.ts", "pricing.ts", "notifications.ts"].map(
  (file) => `${CONTRACTS}/${file}`,
)
const KIB = 1024

export const renderSubjects = (): string => `${pageHead("Subjects, streams, buckets, headers", FILES)}

## The partition of an account
\`partition = FNV-1a-32(account id) mod ${PARTITIONS}\`, over the bytes of the id; equal to NATS's own
\`partition(${PARTITIONS},…)\`. The number is fixed for the life of the data. In JavaScript:

\`\`\`js
let hash = 0x811c9dc5
for (const byte of Buffer.from(accountId)) hash = Math.imul(hash ^ byte, 0x01000193)
const partition = (hash >>> 0) % ${PARTITIONS}
\`\`\`

${markdownTable(["account", "partition"], partitionRows)}

## Subjects
${markdownTable(["subject", "carried by", "published by", "read by", "what"], subjectRows())}

## Streams
File storage, \`discard: new\`, no limit of age or count, duplicate window 2 minutes, atomic batches and direct reads
allowed. A full stream refuses publishers; it never drops. Only the supervisor (or an operator) creates them;
services verify their shape and refuse another.

${markdownTable(["stream", "subjects", "at most", "read with a database cursor by"], streamRows)}

Limits: ${USAGE_EVENTS_PER_MESSAGE_MAX} events and ${MESSAGE_BYTES_MAX / KIB} KiB a usage message,
${EVENT_BYTES_MAX / KIB} KiB an event, ${ATOMIC_BATCH_MESSAGES_MAX} messages an atomic batch.

## Buckets
${markdownTable(["bucket", "holds"], bucketRows())}

## Headers
${markdownTable(["header", "value"], headerRows())}

## Requests to the ledger
JSON on \`ledger.request.<partition of the account>\`, answered \`{"ok":…}\` or \`{"refused":{code, detail, …}}\`.
Amounts are integer strings of nano-USD, instants milliseconds. The same \`id\` with the same body has the same answer
for ever (refusals 24 h), with another body \`id_conflict\`. Repeat the same text on no responders, \`overloaded\` or
300 ms of silence, for at most 3 s. A gateway's bus user sends authorize, extend and release to
\`ledger.gateway.<partition>\`, where nothing else is understood.

${markdownTable(["op", "fields", "what"], requestRows("ledger.ts"))}

## Requests to pricing
JSON on \`pricing.request.<op>\`, answered the same way.

${markdownTable(["op", "fields", "what"], requestRows("pricing.ts"))}

## Requests to notifications
JSON on \`notifications.request.<op>\`, answered the same way.

${markdownTable(["op", "fields", "what"], requestRows("notifications.ts"))}

## Who may do what
One nkey user per service; the server refuses everything not listed. In production \`edge\` may not write the clock.

${markdownTable(["user", "may publish", "may subscribe"], permissionRows)}
`
