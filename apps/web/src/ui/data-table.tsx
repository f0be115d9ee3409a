/** The numbers of a chart as a table, folded away until somebody wants them. The last column is right-aligned. */
interface Properties {
  readonly summary: string
  readonly caption: string
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export const DataTable = ({ summary, caption, head, rows }: Properties) => (
  <details className="mt-2">
    <summary className="inline-flex min-h-6 items-center text-sm text-soft underline underline-offset-4">
      {summary}
    </summary>
    <div className="mt-2 max-h-80 overflow-auto" tabIndex={0} role="region" aria-label={caption}>
      <table className="w-full text-sm tabular-nums">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line text-left text-soft">
            {head.map((name, index) => (
              <th
                key={name}
                scope="col"
                className={`py-1.5 font-medium ${index === head.length - 1 ? "text-right" : ""}`}
              >
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.join("|")} className="border-b border-line last:border-0">
              {row.map((cell, index) => (
                // Cells have no identity but their column.
                <td key={head[index]} className={`py-1.5 ${index === row.length - 1 ? "text-right" : ""}`}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
)
