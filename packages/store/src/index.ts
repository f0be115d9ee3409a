/**
 * @credits/store: the database of a service, SQLite or Postgres: connections, transactions, migrations. No tables of
 * anyone.
 */
export * from "./errors.ts"
export * from "./sqlite.ts"
export * from "./postgres.ts"
export * from "./database.ts"
export * from "./free-space.ts"
export * from "./migrate.ts"
export * from "./insert.ts"
