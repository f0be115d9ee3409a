/**
 * What a card's no means (field notes A5). Goal: every reason has the class its table says, an unknown one retries
 * nothing and blocks nothing, and what a customer may not learn is nowhere in the answer.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { declineOf, needsAuthentication, type CardError } from "./decline.ts"

const error = (change: Partial<CardError>): CardError => ({
  code: "card_declined",
  declineCode: null,
  adviceCode: null,
  networkAdviceCode: null,
  ...change,
})
const classOf = (change: Partial<CardError>) => declineOf(error(change)).class

describe("decline", () => {
  it("A5: the table's classes", () => {
    const classes = {
      final: [
        "lost_card",
        "stolen_card",
        "pickup_card",
        "restricted_card",
        "revocation_of_authorization",
        "fraudulent",
      ],
      fix: ["incorrect_cvc", "incorrect_zip", "confirm_card_data", "expired_card"],
      soft: ["insufficient_funds", "issuer_not_available", "processing_error", "do_not_honor", "generic_decline"],
    }
    for (const [wanted, codes] of Object.entries(classes)) {
      for (const declineCode of codes) assert.equal(classOf({ declineCode }), wanted, declineCode)
    }
    assert.equal(declineOf(error({ code: "expired_card" })).class, "fix")
  })

  it("A5: the processor's advice for this charge comes first, then the network's, then the table", () => {
    assert.equal(classOf({ declineCode: "insufficient_funds", adviceCode: "do_not_try_again" }), "final")
    assert.equal(classOf({ declineCode: "generic_decline", adviceCode: "confirm_card_data" }), "fix")
    assert.equal(classOf({ adviceCode: "try_again_later", networkAdviceCode: "03" }), "soft")
    for (const code of ["03", "21"])
      assert.equal(classOf({ declineCode: "do_not_honor", networkAdviceCode: code }), "final")
    assert.equal(classOf({ declineCode: "stolen_card", adviceCode: "a_new_word", networkAdviceCode: "99" }), "final")
  })

  it("A5: an unknown reason is neither tried again by itself nor held against the card", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (word) => {
        const unknown = `x${word}`
        const { class: kind, detail } = declineOf({
          code: unknown,
          declineCode: unknown,
          adviceCode: unknown,
          networkAdviceCode: unknown,
        })
        assert.equal(kind, "fix")
        assert.notInclude(detail, unknown)
      }),
    )
    // Words that every object has are no entries of a table.
    assert.equal(classOf({ declineCode: "constructor", adviceCode: "toString" }), "fix")
  })

  it("A5: that a card is lost, stolen or suspected is nowhere in what a customer is shown", () => {
    for (const declineCode of ["lost_card", "stolen_card", "pickup_card", "fraudulent", "highest_risk_level"]) {
      const { code, detail } = declineOf(error({ declineCode }))
      assert.equal(code, "generic")
      assert.notMatch(detail, /lost|stolen|fraud|suspect|risk|pick/i)
    }
  })

  it("A5: what the customer reads never contradicts the class", () => {
    const { detail } = declineOf(error({ declineCode: "insufficient_funds", adviceCode: "do_not_try_again" }))
    assert.notMatch(detail, /later/)
  })

  it("A5: a bank that wants the customer is no decline", () => {
    assert.isTrue(needsAuthentication(error({ code: "authentication_required" })))
    assert.isTrue(needsAuthentication(error({ declineCode: "authentication_required" })))
    assert.isFalse(needsAuthentication(error({ declineCode: "insufficient_funds" })))
  })
})
