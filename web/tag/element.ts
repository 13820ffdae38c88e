/*
 * The elements: when they ask, what room they keep, what they tell the page, and the service where the shop wants that.
 *
 * What stands below it must not jump before the visitor's eyes. So an element takes its room, as high as a full row, when it
 * comes near the window, and asks at the same moment. The answer fills that room. Where there is none to show, the
 * room stays, blank, until it is out of sight, and is given back there.
 */
import { ask, Problem, type Question, type Request } from "./ask";
import { introduce } from "./queue";
import { reporterOf, reportView, userOf, type Reporter } from "./reporter";
import { makeRow, type Row } from "./row";
import { watch } from "./seen";
import { headingOf, type Words } from "./words";
import css from "./tag.css?inline";

const ATTRIBUTES = [
    "product", "key", "api-key", "server", "k", "where", "threshold", "group", "heading", "lang", "link", "report", "scenario", "user",
    "signature",
];

// What tells one element from the other.
export interface Kind {
    request: Request;
    words: Words;
    scenario: string; // that of the API, where none is given
}

// Calls once, as soon as the element is, or is not, within this distance of the window. Returns what ends the wait.
function when(element: Element, near: boolean, margin: string, then: () => void): () => void {
    const observer = new IntersectionObserver(
        (entries) => {
            if (entries.at(-1)?.isIntersecting === near) {
                observer.disconnect();
                then();
            }
        },
        { rootMargin: margin },
    );
    observer.observe(element);
    return () => observer.disconnect();
}

// Whether it is within a window's height of what is seen; false where it is in nothing that is shown.
function isNear(element: Element): boolean {
    const { top, bottom } = element.getBoundingClientRect();
    return element.getClientRects().length > 0 && top < 2 * innerHeight && bottom > -innerHeight;
}

// home: where the script came from, without a slash at its end; empty where that is not known.
export function makeElement(home: string, kind: Kind): CustomElementConstructor {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);

    return class extends HTMLElement {
        static readonly observedAttributes = ATTRIBUTES;
        #row: Row;
        #there = false;
        #begun = false;
        #stale = false;
        #reportClick = (_id: string, _place: number): void => {};
        #stopWatching = (): void => {};
        #request = new AbortController();
        #stopWaiting = (): void => {};

        constructor() {
            super();
            const root = this.attachShadow({ mode: "open" });
            root.adoptedStyleSheets = [sheet];
            this.#row = makeRow((id, position) => {
                this.#reportClick(id, position - 1);
                return this.#tell("niteru-click", { id, position });
            });
            root.append(this.#row.box);
        }

        connectedCallback(): void {
            this.#there = true;
            this.removeAttribute("empty");
            this.#introduce();
            if (isNear(this)) {
                this.#begin(); // before anything of this part of the page was drawn, if the script is early
            } else {
                this.#stopWaiting = when(this, true, "100%", () => this.#begin());
            }
        }

        disconnectedCallback(): void {
            this.#stopWaiting();
            this.#stopWatching();
            this.#request.abort();
            this.#there = this.#begun = false;
        }

        // All that is changed at once is asked for once.
        attributeChangedCallback(): void {
            if (this.#there && !this.#stale) {
                this.#stale = true;
                queueMicrotask(() => {
                    this.#stale = false;
                    this.#introduce();
                    if (this.#begun) {
                        this.#begin();
                    }
                });
            }
        }

        #text(name: string): string {
            return this.getAttribute(name) ?? "";
        }

        // Whether the page lets what follows happen.
        #tell(name: string, detail: object): boolean {
            return this.dispatchEvent(
                new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: name === "niteru-click" }),
            );
        }

        #server(): string {
            return this.#text("server").replace(/\/*$/, "") || home;
        }

        #reporter(): Reporter | undefined {
            return reporterOf(this.getAttribute("report"), this.#server(), (name) => this.#text(name));
        }

        // That it is here, and so is a visitor who looks at its product. A page may be opened out of sight.
        #introduce(): void {
            introduce(() => this.#reporter());
            const reporter = this.#there ? this.#reporter() : undefined;
            if (reporter !== undefined && document.visibilityState === "hidden") {
                document.addEventListener("visibilitychange", () => this.#introduce(), { once: true });
            } else if (reporter !== undefined) {
                reportView(reporter, this.#text("product"));
            }
        }

        #question(reporter: Reporter | undefined): Question {
            return {
                server: this.#server(),
                product: this.#text("product"),
                key: this.#text("key") || this.#text("api-key"),
                k: this.#text("k"),
                where: this.#text("where"),
                threshold: this.#text("threshold"),
                group: this.hasAttribute("group"),
                scenario: this.#text("scenario") || kind.scenario,
                who: reporter?.who ?? userOf((name) => this.#text(name)),
                reported: reporter !== undefined,
            };
        }

        #begin(): void {
            this.#begun = true;
            this.#stopWaiting();
            this.#stopWatching();
            this.#request.abort();
            this.#request = new AbortController();
            this.removeAttribute("empty");
            this.#row.reserve(headingOf(this.#text("heading"), kind.words, this));
            void this.#fill(this.#request.signal);
        }

        // From now on: which tiles of an answer are seen and clicked.
        #report(reporter: Reporter | undefined, tiles: Element[], products: string[], answer: object): void {
            const report = (event: string, product: string | undefined, position: number): void =>
                reporter?.report({ kind: event, product, position, ...answer });
            this.#reportClick = (product, place) => report("click", product, place);
            if (reporter !== undefined) {
                this.#stopWatching = watch(tiles, (place) => report("impression", products[place], place));
            }
        }

        async #fill(signal: AbortSignal): Promise<void> {
            const reporter = this.#reporter(), question = this.#question(reporter);
            let count = 0, problem: string | undefined;
            try {
                const { products, rec_id } = await ask(kind.request, question, signal);
                if (!signal.aborted) {
                    const tiles = this.#row.fill(products, question, this.#text("link"));
                    count = tiles.length;
                    this.#report(reporter, tiles, products.map(({ product }) => product), { rec_id, scenario: question.scenario });
                }
            } catch (fault) {
                problem = fault instanceof Problem ? fault.code : "internal";
            }
            if (signal.aborted) {
                return;
            }
            if (count === 0) {
                this.#row.clear();
                this.#stopWaiting = when(this, false, "0px", () => this.setAttribute("empty", ""));
            }
            this.#tell("niteru-load", problem === undefined ? { count } : { count, problem });
        }
    };
}
