// Conditions in the server's grammar.
const name = (field: string): string => "`" + field.replaceAll("`", "``") + "`";
const text = (value: string): string => "'" + value.replaceAll("'", "''") + "'";

export type Value = string | number | boolean;

const literal = (value: Value): string => (typeof value === "string" ? text(value) : String(value));

// Chosen values of fields; of one field any of them. The value null stands for a product without the field.
export function whereOf(chosen: Record<string, Value[]>, most?: number): string {
    const terms = Object.entries(chosen).filter(([, values]) => values.length > 0).map(
        ([field, values]) => `${name(field)} in (${values.map(literal).join(", ")})`);
    if (most !== undefined) {
        terms.push(`price <= ${most}`);
    }
    return terms.join(" and ");
}
