/** The head of a table: the names of its columns, behind them those of numbers. */
export function Columns({ names, numbers = [] }: { names: string[]; numbers?: string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col">
            {name}
          </th>
        ))}
        {numbers.map((name) => (
          <th key={name} scope="col" class="right">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}
