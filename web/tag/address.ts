// With those parameters that are given.
export function addressOf(path: string, query: Record<string, string | undefined>): string {
    const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
    return `${path}?${new URLSearchParams(given).toString()}`;
}
