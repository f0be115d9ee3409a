/**
 * Tables of the partition runtime, the same for SQLite and Postgres. Hot tables are append-only and keyed by time,
 * never by account (decision 8).
 */
import { sql, type Kysely } from "kysely"

/** Raised with every migration; a database with a newer one is refused. */
export const ACTOR_SCHEMA_VERSION = 1

const createTables = async (db: Kysely<unknown>, dialect: "sqlite" | "postgres"): Promise<void> => {
  const withoutRowid = dialect === "sqlite" ? sql` WITHOUT ROWID` : sql``
  const statements = [
    sql`CREATE TABLE partition (
      id INTEGER PRIMARY KEY, owner TEXT NOT NULL, epoch BIGINT NOT NULL, lease_until BIGINT NOT NULL,
      incarnation TEXT NOT NULL, cursor_seq BIGINT NOT NULL, cursor_index BIGINT NOT NULL,
      seq BIGINT NOT NULL, chain TEXT NOT NULL, floor BIGINT NOT NULL,
      journaled_seq BIGINT NOT NULL, journaled_id BIGINT NOT NULL,
      signal_seq BIGINT NOT NULL, last_at BIGINT NOT NULL)`,
    sql`CREATE TABLE row_counter (name TEXT PRIMARY KEY, next BIGINT NOT NULL)`,
    sql`INSERT INTO row_counter (name, next) VALUES ('block', 1)`,
    dialect === "sqlite"
      ? sql`CREATE TABLE entry_block (id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, seq INTEGER NOT NULL,
          count INTEGER NOT NULL, chain TEXT NOT NULL, text TEXT NOT NULL)`
      : sql`CREATE TABLE entry_block (id BIGINT PRIMARY KEY, partition INTEGER NOT NULL, seq BIGINT NOT NULL,
          count INTEGER NOT NULL, chain TEXT NOT NULL, text TEXT NOT NULL)`,
    sql`CREATE TABLE receipt (key TEXT NOT NULL, account TEXT NOT NULL, content TEXT NOT NULL, answer TEXT,
      expires_at BIGINT, block_id BIGINT NOT NULL, PRIMARY KEY (key, account))${withoutRowid}`,
    sql`CREATE INDEX receipt_expiry ON receipt (expires_at) WHERE expires_at IS NOT NULL`,
    sql`CREATE TABLE snapshot (account TEXT PRIMARY KEY, partition INTEGER NOT NULL, head BIGINT NOT NULL,
      next_due BIGINT,
      state TEXT NOT NULL)${withoutRowid}`,
    sql`CREATE INDEX snapshot_due ON snapshot (next_due) WHERE next_due IS NOT NULL`,
    sql`CREATE TABLE outbox (id BIGINT PRIMARY KEY, partition INTEGER NOT NULL, subject TEXT NOT NULL,
      payload TEXT NOT NULL)`,
  ]
  for (const statement of statements) await statement.execute(db)
  for (let id = 0; id < 64; id++) {
    await sql`INSERT INTO partition VALUES (${id}, '', 0, 0, '', 0, -1, 0, '', 1, 0, 0, 0, 0)`.execute(db)
  }
}

/** For `migrate` of @credits/store. */
export const actorMigrations = (dialect: "sqlite" | "postgres") => ({
  "0001_partition_runtime": { up: (db: Kysely<unknown>) => createTables(db, dialect) },
})
