import * as React from 'react';

/** A table whose first column names the rows; figures stand to the right. */
export function Table(props: {
  label: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}): React.JSX.Element {
  return (
    // a narrow window scrolls it, which a keyboard can do where it has the focus
    <div
      className="jp-LLM-table"
      role="region"
      aria-label={props.label}
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            {props.head.map(title => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map(([name, ...cells], row) => (
            <tr key={row}>
              <th scope="row">{name}</th>
              {cells.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
