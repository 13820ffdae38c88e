// The one request: products that look like a product. No cookie goes with it, and nothing about the visitor.
const PATIENCE_MS = 4000;

export interface Question {
    server: string; // without a slash at its end
    product: string;
    key: string;
    k: string;
    where: string;
    threshold: string;
    group: boolean;
}

export interface Found {
    product: string;
    photo?: { url: string };
    metadata?: Record<string, unknown>;
}

// Why there is nothing to show: a code of the API, or "no-product", "no-server", "timeout", "unreachable".
export class Problem extends Error {
    constructor(readonly code: string) {
        super(code);
    }
}

function addressOf({ server, product, key, k, where, threshold, group }: Question): string {
    const given = Object.entries({ k, where, threshold, group: group ? "true" : "", key }).filter(([, value]) => value !== "");
    return `${server}/v1/products/${encodeURIComponent(product)}/similar?${new URLSearchParams(given).toString()}`;
}

async function read(address: string, signal: AbortSignal): Promise<Found[]> {
    const answer = await fetch(address, { credentials: "omit", signal });
    const body = (await answer.json()) as { products?: Found[]; code?: string };
    if (!answer.ok || !Array.isArray(body.products)) {
        throw new Problem(String(body.code ?? answer.status));
    }
    return body.products;
}

export async function ask(question: Question, signal: AbortSignal): Promise<Found[]> {
    if (question.product === "" || question.server === "") {
        throw new Problem(question.product === "" ? "no-product" : "no-server");
    }
    const own = new AbortController(), stop = (): void => own.abort();
    signal.addEventListener("abort", stop);
    const timer = setTimeout(stop, PATIENCE_MS);
    try {
        return await read(addressOf(question), own.signal);
    } catch (fault) {
        throw fault instanceof Problem ? fault : new Problem(own.signal.aborted ? "timeout" : "unreachable");
    } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
    }
}
