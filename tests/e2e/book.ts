/**
 * The two books of a customer: what the sandbox's card processor really charged, and what our billing history says. A
 * difference is a sentence; none is none.
 */
import type { Entry } from "@credits/contracts/http"
import type { Customer } from "@credits/testkit"

interface Line {
  readonly chargeId: string | null
  readonly obligation: string | null
  readonly amountUsd: string
}

const textOf = ({ chargeId, obligation, amountUsd }: Line): string => `${amountUsd} USD for ${obligation} (${chargeId})`

const missingFrom = (have: ReadonlyArray<string>, wanted: ReadonlyArray<string>): ReadonlyArray<string> => {
  const left = [...have]
  return wanted.filter((text) => {
    const at = left.indexOf(text)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

const repeated = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.filter((text, i) => texts.indexOf(text) !== i)

/** I6 I8: the same charges on both sides, one of an obligation, and one grant of each that gives credit. */
export const bookDifferences = async (customer: Customer): Promise<ReadonlyArray<string>> => {
  const [history, book] = await Promise.all([customer.history(), customer.book()])
  const ours = history.filter(({ status }) => status === "succeeded").map(textOf)
  const theirs = book.map(textOf)
  const causes = await grantCauses(customer)
  return [
    ...missingFrom(ours, theirs).map((text) => `charged and not in the history: ${text}`),
    ...missingFrom(theirs, ours).map((text) => `in the history and not charged: ${text}`),
    ...repeated(book.map(({ obligation }) => String(obligation))).map((text) => `charged twice: ${text}`),
    ...repeated(causes).map((text) => `granted twice: ${text}`),
  ]
}

/** Waits until both books of everybody agree. @throws Error with the differences that stay */
export const booksAgree = async (customers: ReadonlyArray<Customer>, withinMs = 60_000): Promise<void> => {
  const deadline = performance.now() + withinMs
  for (;;) {
    const differences = (await Promise.all(customers.map(bookDifferences))).flat()
    if (differences.length === 0) return
    if (performance.now() > deadline) throw new Error(differences.join("\n"))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** What each grant of the account was for, oldest first. */
export const grantCauses = async (customer: Customer): Promise<ReadonlyArray<string>> => {
  const causes: Array<string> = []
  let cursor = ""
  do {
    const { body } = await customer.call<{ items: ReadonlyArray<Entry>; nextCursor: string | null }>(
      `wallet/entries?limit=500&kind=granted${cursor}`,
    )
    causes.push(...body.items.map(({ cause }) => cause))
    cursor = body.nextCursor === null ? "" : `&cursor=${body.nextCursor}`
  } while (cursor !== "")
  return causes.toReversed()
}

/** Obligations charged, oldest first. */
export const obligationsOf = async (customer: Customer): Promise<ReadonlyArray<string>> =>
  (await customer.book()).map(({ obligation }) => String(obligation))
