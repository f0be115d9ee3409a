/** The program of the threads that work on the ledger's SQLite file beside the one that decides. */
import { workerData } from "node:worker_threads"
import { runSqliteThread, type SqliteThreadData } from "@credits/actor/sqlite-thread"

runSqliteThread(workerData as SqliteThreadData)
