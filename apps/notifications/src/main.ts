/** The process of notifications. */
