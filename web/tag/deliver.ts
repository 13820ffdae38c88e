// Events on their way: gathered for a second, sent once more where the service could not take them, and sent at once when
// the page is left. Nothing that goes wrong here is the page's business.
const SOON_MS = 1000, MANY = 20, MOST_AT_ONCE = 40, MOST_WAITING = 1000, MOST_TRIES = 4, PATIENCE_MS = 20_000;

// Browsers let 64 KiB outlive a page; a letter is at most three bytes.
const MOST_LETTERS = 20_000;

// Fetching is preferred to a beacon, which takes cookies along and does not tell what became of it. Firefox before 133
// cannot fetch on while a page goes away.
const outlives = "keepalive" in Request.prototype;

interface Waiting {
    event: object;
    since: number; // Unix seconds
}

// All that goes to one address.
class Line {
    #waiting: Waiting[] = [];
    #failures = 0;
    #timer: number | undefined;

    constructor(readonly address: string) {}

    add(event: object): void {
        this.#put([...this.#waiting, { event, since: Date.now() / 1000 }]);
        if (this.#waiting.length >= MANY && this.#failures === 0) {
            this.flush(false);
        }
    }

    #put(waiting: Waiting[]): void {
        this.#waiting = waiting.slice(-MOST_WAITING);
        this.#timer ??= setTimeout(() => this.flush(false), SOON_MS * 4 ** this.#failures);
    }

    flush(leaving: boolean): void {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        while (this.#waiting.length > 0) {
            void this.#send(this.#waiting.splice(0, MOST_AT_ONCE), leaving);
        }
    }

    // The service's clock is right, so an event has a time of its own only where it comes late.
    async #send(events: Waiting[], leaving: boolean): Promise<void> {
        const late = this.#failures > 0;
        const body = JSON.stringify(events.map(({ event, since }) => (late ? { time: since, ...event } : event)));
        if (leaving && !outlives) {
            navigator.sendBeacon(this.address, body);
            return;
        }
        let status = 0, answer: unknown;
        try {
            const signal = AbortSignal.timeout(PATIENCE_MS), keepalive = body.length <= MOST_LETTERS;
            const got = await fetch(this.address, { method: "POST", body, credentials: "omit", keepalive, signal });
            status = got.status;
            answer = await got.json();
        } catch {
            // What was not sent, or not answered, has no status; one whose answer was lost is known when it comes again.
        }
        const again = status === 0 || status === 429 || status >= 500;
        if (again && ++this.#failures < MOST_TRIES) {
            this.#put([...events, ...this.#waiting]);
            return;
        }
        this.#failures = 0;
        document.dispatchEvent(new CustomEvent("niteru-report", { detail: { status, answer } }));
    }
}

const lines = new Map<string, Line>();

function flushAll(): void {
    lines.forEach((line) => line.flush(true));
}

export function deliver(address: string, event: object): void {
    let line = lines.get(address);
    if (line === undefined) {
        if (lines.size === 0) {
            addEventListener("pagehide", flushAll);
            document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flushAll());
        }
        lines.set(address, (line = new Line(address)));
    }
    line.add(event);
}
