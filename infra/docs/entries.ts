/** docs/reference/entries.md: the ledger's entries as the database holds them and the journal publishes them. */
import { BUCKETS } from "../../apps/ledger/src/entry.ts"
import { fieldsOf, literalsOf, markdownTable, pageHead, readSource, type Member } from "./source.ts"

const CONTRACTS = "packages/contracts/src"

/** Kind → what happened, and which buckets it moves. A kind without a line fails the test. */
export const KINDS: Readonly<Record<string, string>> = {
  granted: "a new lot (R1.2). granted +, and available + (frozen + on Free), after debt is paid (debt −)",
  charged:
    "a usage event's cost (R6.3). spent +; paid by its hold (held −), then available − (or frozen −), the rest debt +",
  held: "an authorization (R6.1). held +, available −",
  extended: "a hold grew (R6.2). held +, available −",
  released: "a hold was let go (R6.3). held −, available +; debt is paid first; what belongs to an expired lot expires",
  hold_expired: "nobody settled a hold in time (R6.3). Like released, at the hold's own instant",
  lot_expired: "a lot reached its end (R1.4, R6.7). expired +, available −; the part that holds need stays for them",
  revoked: "credit taken back from a lot (R4.3). revoked +, available − (frozen − on Free)",
  adjusted: "support gave credit (granted +) or took it back (revoked +)",
  reversed: "a charge was given back, wholly or in part (R1.3, R7.4). spent −, and its lots get it back in reverse",
  entitled: "an entitlement began or ended (R1.8). On Free available moves to frozen, with a plan it comes back (R1.5)",
  froze: "support or fraud froze the account (R6.2). No bucket moves",
  unfroze: "the account is open again. No bucket moves",
  marked: "a refill or a renewal is in progress until an instant, or decided (R2.3). No bucket moves",
}

export const entryKinds = (): ReadonlyArray<string> => literalsOf(readSource(`${CONTRACTS}/ledger.ts`), "EntryKind")

/** What the sources leave to their names. */
const FIELD_MEANINGS: Readonly<Record<string, string>> = {
  seq: "number of this entry in its partition",
  account: "the account",
  at: "when it took effect, ms; an expiry has its own instant, whenever it was written",
  kind: "one of the kinds above",
  body: "what changed, see below",
  holdId: "the hold it concerns",
  cause: "the id of the command or usage event behind it",
  usedAt: "when the usage happened, ms",
}

const fieldRows = (fields: ReadonlyArray<Member>) =>
  fields.map(({ name, doc }) => [`\`${name}\``, doc === "" ? (FIELD_MEANINGS[name] ?? "") : doc])

export const renderEntries = (): string => {
  const source = readSource(`${CONTRACTS}/journal.ts`)
  const buckets = new Set<string>(BUCKETS)
  const body = fieldsOf(source, "EntryBody").filter(({ name }) => !buckets.has(name))
  const kinds = entryKinds().map((kind) => [`\`${kind}\``, KINDS[kind] ?? ""])
  return `${pageHead("Entries", [`${CONTRACTS}/journal.ts`, `${CONTRACTS}/ledger.ts`, "apps/ledger/src/entry.ts"])}

An entry is one line of the ledger: append-only, hashed into its partition's chain, published as it is. It carries
every effect it has, so the entries alone rebuild every account (I10). After each of them, for its account (R1.7):

\`granted + debt = spent + held + available + frozen + expired + revoked\`

## Kinds
${markdownTable(["kind", "what happened, and which buckets it moves"], kinds)}

## Fields
${markdownTable(["field", "what"], fieldRows(fieldsOf(source, "JournalEntry")))}

## Body
The changes of the eight buckets (${BUCKETS.map((bucket) => `\`${bucket}\``).join(", ")})
as integer strings of nano-USD, absent when 0, and:

${markdownTable(["field", "what"], fieldRows(body))}

Further fields say what the entry opened or ended: \`opened\` (a lot), \`hold\` (id, what it holds from now on,
expiry), \`also\` (further lot changes), \`residue\` (what of an expired lot stays for holds), \`entitlement\`,
\`freeze\`, \`mark\`, \`reason\`. Readers ignore fields they do not know.
`
}
