// The row itself: a heading over a list of photos with their titles. Texts of the catalogue become text nodes only.
import type { Found, Question } from "./ask";
import { linkOf } from "./link";
import type { Heading } from "./words";

const WIDTHS = [128, 256, 384, 512, 768], USUAL_WIDTH = 200, MOST_TITLE = 200;

export interface Row {
    box: HTMLElement;
    reserve(heading: Heading): void; // takes the room of a row, unseen while there is none
    fill(found: Found[], question: Question, link: string): Element[]; // the tiles, in order
    clear(): void; // unseen, in the same room
}

function make<N extends keyof HTMLElementTagNameMap>(name: N, part: string, ...children: Node[]): HTMLElementTagNameMap[N] {
    const made = document.createElement(name);
    made.setAttribute("part", part);
    made.append(...children);
    return made;
}

function titleOf({ product, metadata }: Found): string {
    const title = [metadata?.title, metadata?.name].find((text): text is string => typeof text === "string" && text.trim() !== "");
    const letters = Array.from(title ?? product);
    return letters.length > MOST_TITLE ? letters.slice(0, MOST_TITLE).join("") + "…" : letters.join("");
}

// Asked for as the page itself, so that the server can tell whether the key is of use there.
function photoOf(url: string, alt: string, { server, key }: Question, width: number): HTMLImageElement {
    const photo = make("img", "photo");
    const at = (w: number): string => `${server}${url}?w=${w}${key !== "" ? "&key=" + encodeURIComponent(key) : ""}`;
    photo.crossOrigin = "anonymous";
    photo.loading = "lazy";
    photo.decoding = "async";
    photo.alt = alt;
    photo.sizes = `${Math.round(width)}px`;
    photo.srcset = WIDTHS.map((w) => `${at(w)} ${w}w`).join(", ");
    photo.src = at(USUAL_WIDTH);
    return photo;
}

function tileOf(found: Found, question: Question, link: string, width: number, follow: () => boolean): HTMLElement {
    const text = titleOf(found), title = make("span", "title", document.createTextNode(text)), frame = make("span", "frame");
    title.dir = "auto";
    const url = found.photo?.url;
    if (typeof url === "string" && url.startsWith("/")) {
        const photo = photoOf(url, text, question, width);
        title.setAttribute("aria-hidden", "true"); // the photo says the same
        photo.addEventListener("error", () => {
            photo.remove();
            title.removeAttribute("aria-hidden");
        });
        frame.append(photo);
    }
    const target = linkOf(link, found);
    if (target === undefined) {
        return make("li", "tile", make("span", "product", frame, title));
    }
    const anchor = make("a", "product link", frame, title);
    anchor.href = target;
    const onClick = (event: MouseEvent): void => {
        if (event.button < 2 && !follow()) {
            event.preventDefault();
        }
    };
    anchor.addEventListener("click", onClick);
    anchor.addEventListener("auxclick", onClick); // into a new tab
    return make("li", "tile", anchor);
}

// follow: told of a click with the product's id and its place from 1; whether the link is followed.
export function makeRow(follow: (id: string, position: number) => boolean): Row {
    const heading = make("h2", "heading"), list = make("ul", "list"), box = make("div", "row", heading, list);
    list.setAttribute("role", "list"); // which a browser forgets of lists without bullets
    const clear = (): void => {
        box.classList.add("blank");
        list.removeAttribute("tabindex");
        list.replaceChildren(make("li", "tile", make("span", "product", make("span", "frame"), make("span", "title"))));
    };
    // A scroll bar that has nothing to scroll keeps its room, or the row would change its height, but is not seen.
    const showBar = (): void => void list.classList.toggle("fits", list.scrollWidth <= list.clientWidth);
    new ResizeObserver(showBar).observe(list);
    box.hidden = true;
    return {
        box,
        clear,
        reserve({ text, lang }) {
            heading.textContent = text;
            heading.removeAttribute("lang");
            if (lang !== "") {
                heading.lang = lang;
            }
            if (box.hidden) {
                box.hidden = false;
                clear();
            }
        },
        fill(found, question, link) {
            const width = list.firstElementChild?.getBoundingClientRect().width || USUAL_WIDTH;
            const tiles = found.map((one, i) => tileOf(one, question, link, width, () => follow(one.product, i + 1)));
            list.replaceChildren(...tiles);
            list.scrollLeft = 0;
            if (list.querySelector("a") === null) {
                list.tabIndex = 0; // or the keyboard could not scroll it
            } else {
                list.removeAttribute("tabindex");
            }
            showBar();
            box.classList.toggle("blank", tiles.length === 0);
            return tiles;
        },
    };
}
