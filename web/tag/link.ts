// Where a product's tile leads. What comes from a catalogue may be anything; only addresses of pages are followed.
import type { Found } from "./ask";

const textOf = (value: unknown): string => (typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : "");

// With the template's {id} and {field} put in, percent-encoded; "" where the product lacks one of them.
function fill(template: string, found: Found): string {
    let whole = true;
    const link = template.replace(/{([^{}]+)}/g, (_, name: string) => {
        const value = name === "id" ? found.product : textOf(found.metadata?.[name]);
        whole &&= value !== "";
        return encodeURIComponent(value);
    });
    return whole ? link : "";
}

// Undefined: the product has no page.
export function linkOf(template: string, found: Found): string | undefined {
    const text = template !== "" ? fill(template, found) : textOf(found.metadata?.url) || textOf(found.metadata?.link);
    if (text === "") {
        return undefined;
    }
    try {
        const { href, protocol } = new URL(text, document.baseURI);
        const plain = protocol === "https:" || protocol === "http:" || (protocol === "file:" && location.protocol === "file:");
        return plain ? href : undefined;
    } catch {
        return undefined;
    }
}
