/** @credits/pricebook: price book, plan catalogue and the cost of a call. Pure; depends on the kernel only. */
export * from "./invalid.ts"
export * from "./price.ts"
export * from "./book.ts"
export * from "./cost.ts"
export * from "./correction.ts"
export * from "./catalogue.ts"
