// Made-up visitors. A persona likes values of one field, some more than others, or, in a catalogue without such fields,
// what looks like some products.
import { facets, products, similar, type Facet, type Facets } from "../api";
import type { Action, Shown } from "../for-you/recommend";
import type { Kind } from "../visitor";
import { whereOf } from "../where";

export interface Persona {
    field?: string;
    likes: [string, number][]; // a value, or without a field a product, and its weight
}

const MOST_LIKES = 4, MOST_WEIGHT = 3, LEAST_VALUES = 2, LOOKED_AT = 60, NO_FIELDS = ["title", "url", "group", "currency", "created", "public", "available"];
const PREFERRED = ["category", "style", "brand"], MOST_LENGTH = 40;

// The numbers are drawn, so that no two visits show the same.
const below = (n: number): number => Math.floor(Math.random() * n);

function drawWeighted<T>(all: [T, number][]): T | undefined {
    let left = Math.random() * all.reduce((sum, [, weight]) => sum + weight, 0);
    return all.find(([, weight]) => (left -= weight) < 0)?.[0];
}

function someOf<T>(all: T[], count: number): T[] {
    const rest = [...all];
    return Array.from({ length: Math.min(count, rest.length) }, () => rest.splice(below(rest.length), 1)[0]!);
}

// The field that tells the most of what people like, with its values.
function bestField(found: Facets): [string, string[]] | undefined {
    const named = Object.entries(found.fields).map(([name, facet]: [string, Facet]): [string, string[]] =>
        [name, (facet.values ?? []).map(({ value }) => value).filter((value): value is string => typeof value === "string" && value.length <= MOST_LENGTH)]);
    const rank = ([name]: [string, string[]]): number => (PREFERRED.indexOf(name.toLowerCase()) + PREFERRED.length + 1) % (PREFERRED.length + 1);
    return named.filter(([, values]) => values.length >= LEAST_VALUES).sort((a, b) => rank(a) - rank(b))[0];
}

export async function makePersonas(count: number, signal?: AbortSignal): Promise<Persona[]> {
    const page = await products("", undefined, LOOKED_AT, signal), names = new Set<string>();
    for (const [name, value] of page.products.flatMap((one) => Object.entries(one.metadata as Record<string, unknown>))) {
        if (typeof value === "string" && value.length <= MOST_LENGTH && !NO_FIELDS.includes(name.toLowerCase())) {
            names.add(name);
        }
    }
    const field = names.size > 0 ? bestField(await facets([...names].slice(0, 8), "", signal)) : undefined;
    const values = field?.[1] ?? page.products.map((one) => one.product);
    return values.length === 0 ? [] : Array.from({ length: count }, () => ({
        field: field?.[0],
        likes: someOf(values, 1 + below(MOST_LIKES)).map((value): [string, number] => [value, 1 + below(MOST_WEIGHT)]).sort((a, b) => b[1] - a[1]),
    }));
}

// A persona out of an address, which anybody may have written.
export function readPersona(text: string): Persona | undefined {
    try {
        const { field, likes } = JSON.parse(text) as Persona;
        const fine = Array.isArray(likes) && likes.length > 0 && likes.length <= MOST_LIKES &&
            likes.every((one) => Array.isArray(one) && typeof one[0] === "string" && typeof one[1] === "number" && one[1] > 0);
        return fine && (field === undefined || typeof field === "string") ? { field, likes } : undefined;
    } catch {
        return undefined;
    }
}

const KINDS: [Kind, number][] = [["view", 8], ["click", 6], ["favourite", 2], ["cart", 2], ["purchase", 1]];
const DISMISSES = 0.1;

// What the persona does next: with something in the feed that it likes, or else with something that it goes and finds;
// now and then it turns away what is not to its liking.
export async function nextAction(persona: Persona, feed: Shown[], signal?: AbortSignal): Promise<Action | undefined> {
    const value = drawWeighted(persona.likes)!, { field } = persona;
    const liked = await (field === undefined
        ? similar(value, { k: 20 }, signal).then((found) => found.products.map((one) => one.product), () => [])
        : feed.filter((shown) => shown.fields[field] === value).map((shown) => shown.id));
    const others = field === undefined ? [] : feed.filter((shown) => persona.likes.every(([one]) => shown.fields[field] !== one));
    if (others.length > 0 && Math.random() < DISMISSES) {
        return { kind: "dismiss", product: others[below(others.length)]!.id };
    }
    const found = liked.length > 0 ? liked : field === undefined ? [value]
        : (await products(whereOf({ [field]: [value] }), undefined, LOOKED_AT, signal)).products.map((one) => one.product);
    const product = found[below(found.length)];
    return product === undefined ? undefined : { kind: drawWeighted(KINDS)!, product };
}
