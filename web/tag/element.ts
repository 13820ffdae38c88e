/*
 * The element: when it asks, what room it keeps, what it tells the page.
 *
 * What stands below it must not jump before the visitor's eyes. So it takes its room, as high as a full row, when it
 * comes near the window, and asks at the same moment. The answer fills that room. Where there is none to show, the
 * room stays, blank, until it is out of sight, and is given back there.
 */
import { ask, Problem, type Question } from "./ask";
import { makeRow, type Row } from "./row";
import { headingOf } from "./words";
import css from "./tag.css?inline";

const ATTRIBUTES = ["product", "key", "api-key", "server", "k", "where", "threshold", "group", "heading", "lang", "link"];

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

// home: where the script came from, with a slash at its end; empty where that is not known.
export function makeElement(home: string): CustomElementConstructor {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);

    return class NiteruSimilar extends HTMLElement {
        static readonly observedAttributes = ATTRIBUTES;
        #row: Row;
        #begun = false;
        #stale = false;
        #request = new AbortController();
        #stopWaiting = (): void => {};

        constructor() {
            super();
            const root = this.attachShadow({ mode: "open" });
            root.adoptedStyleSheets = [sheet];
            this.#row = makeRow((id, position) => this.#tell("niteru-click", { id, position }));
            root.append(this.#row.box);
        }

        connectedCallback(): void {
            this.removeAttribute("empty");
            if (isNear(this)) {
                this.#begin(); // before anything of this part of the page was drawn, if the script is early
            } else {
                this.#stopWaiting = when(this, true, "100%", () => this.#begin());
            }
        }

        disconnectedCallback(): void {
            this.#stopWaiting();
            this.#request.abort();
            this.#begun = false;
        }

        // All that is changed at once is asked for once.
        attributeChangedCallback(): void {
            if (this.#begun && !this.#stale) {
                this.#stale = true;
                queueMicrotask(() => {
                    this.#stale = false;
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

        #question(): Question {
            return {
                server: (this.#text("server") || home).replace(/\/*$/, ""),
                product: this.#text("product"),
                key: this.#text("key") || this.#text("api-key"),
                k: this.#text("k"),
                where: this.#text("where"),
                threshold: this.#text("threshold"),
                group: this.hasAttribute("group"),
            };
        }

        #begin(): void {
            this.#begun = true;
            this.#stopWaiting();
            this.#request.abort();
            this.#request = new AbortController();
            this.removeAttribute("empty");
            this.#row.reserve(headingOf(this.#text("heading"), this));
            void this.#fill(this.#request.signal);
        }

        async #fill(signal: AbortSignal): Promise<void> {
            const question = this.#question();
            let count = 0, problem: string | undefined;
            try {
                const found = await ask(question, signal);
                if (!signal.aborted) {
                    count = this.#row.fill(found, question, this.#text("link"));
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
