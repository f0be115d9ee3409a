/** What people ask before they pay, answered in the page. Every answer is a rule of the product (docs/rules.md). */
import type { ReactNode } from "react"

interface Question {
  readonly asked: string
  readonly answer: ReactNode
}

const QUESTIONS: ReadonlyArray<Question> = [
  {
    // R1.8, R6.2, R8.1, R9.1
    asked: "What happens when my credits reach $0?",
    answer:
      "Hosted calls stop. Nothing is charged, unless you turned on auto top-up yourself. Local tools and calls with " +
      "your own provider keys go on.",
  },
  {
    // R1.4, R2.2
    asked: "Do unused plan credits roll over?",
    answer:
      "No. Every month, on yearly plans too, the plan's credits are granted anew, and what is left of the month " +
      "before expires. The wallet always shows the day.",
  },
  {
    // R1.5
    asked: "And credits I bought as a top-up?",
    answer:
      "They do not expire with the month. They are usable while you have a plan with hosted models; on Free they " +
      "are kept but frozen, and usable again when you subscribe again.",
  },
  {
    // R1.3
    asked: "Which credits are used first?",
    answer: "Those that expire soonest. Top-up credits are used last.",
  },
  {
    // R9.1–R9.3
    asked: "Can auto top-up charge more than I want?",
    answer:
      "No. It is off until you turn it on and set a monthly cap. The cap is hard: all top-ups of a calendar month " +
      "(UTC), with those still being confirmed, never add up to more. You can change it or turn it off at any time.",
  },
  {
    // R8.1
    asked: "Are calls with my own provider keys charged?",
    answer: "Never, on any plan. The wallet lists them at $0.00.",
  },
  {
    // R6.1, R6.3
    asked: "What does a failed or cancelled call cost?",
    answer: "A call that fails before it produces anything costs nothing. A cancelled one costs what was produced.",
  },
  {
    // R4.2, R4.3
    asked: "How do upgrades work?",
    answer:
      "At once. You pay the new price less the unused time of your plan, and a new period starts today. Credits " +
      "follow the money: those of the unused time go back, the new plan's come in full. You see every line before " +
      "you pay.",
  },
  {
    // R4.1, R5.3
    asked: "How do I go to a lower plan, or from yearly to monthly?",
    answer:
      "Through support. The change takes effect at the end of the period you paid for, and nothing is lost until " +
      "then.",
  },
  {
    // R5.1, R2.4
    asked: "What happens when I cancel?",
    answer:
      "Your plan does not renew. You keep it, and its monthly credits, to the end of the period you paid for; then " +
      "you are on Free. Until then you can resume.",
  },
  {
    // R5.2
    asked: "Are payments refunded?",
    answer:
      "No. If you think you were charged twice or by mistake, report the charge from its row in the wallet: support " +
      "looks at it with the evidence, and refunds a proven duplicate or error.",
  },
  {
    // R5.4
    asked: "What if a renewal cannot be charged?",
    answer:
      "It is tried again over seven days, and you are told each time. Meanwhile credits from top-ups stay usable; " +
      "new plan credits come when the renewal is paid. After seven days you are on Free.",
  },
  {
    // R3.1, R3.2
    asked: "Who gets the first-month offer?",
    answer:
      "Every new monthly subscription, once per account. Yearly plans and upgrades do not use it, and a payment " +
      "that fails does not use it up.",
  },
  {
    // R0.1, R0.3
    asked: "Can my price change?",
    answer:
      "Never within a period you paid for. A higher price applies to a renewal only if it was in force when we " +
      "reminded you of that renewal, 7 days before (30 for yearly). A lower one applies at once.",
  },
]

export const Questions = () => (
  <section aria-labelledby="questions" className="grid gap-5 lg:grid-cols-[1fr_2fr] lg:gap-12">
    <h2 id="questions" className="font-display text-3xl">
      Questions, answered
    </h2>
    <div className="divide-y divide-line border-y border-line">
      {QUESTIONS.map(({ asked, answer }) => (
        <details key={asked} className="group">
          <summary className="flex min-h-12 list-none items-center justify-between gap-4 py-3 font-medium">
            {asked}
            <svg
              aria-hidden
              viewBox="0 0 16 16"
              className="size-4 shrink-0 text-soft transition-transform group-open:rotate-45"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.5"
            >
              <path d="M8 2v12M2 8h12" />
            </svg>
          </summary>
          <p className="max-w-prose pb-5 text-pretty text-soft">{answer}</p>
        </details>
      ))}
    </div>
  </section>
)
