// What the page says, in two languages that are written each for itself. A word has a name; {n} stands for what is put in.
import { computed, ref } from "vue";
import en from "./words/en.json";
import ja from "./words/ja.json";

type Common = keyof typeof en;
type Later = keyof typeof import("./words/scenarios-en.json"); // words that come with their view
export type Word = Common | Later;
export type Language = "en" | "ja";

const all: Record<Language, Record<Common, string> & Partial<Record<Later, string>>> = { en, ja };

export function addWords(more: Record<Language, Record<Later, string>>): void {
    Object.assign(all.en, more.en);
    Object.assign(all.ja, more.ja);
}

function first(): Language {
    const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
    return asked.toLowerCase().startsWith("ja") ? "ja" : "en";
}

export const language = ref<Language>(first());

export function say(word: Word, put: Record<string, string | number> = {}): string {
    return (all[language.value][word] ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => String(put[name] ?? whole));
}

const numbers = computed(() => new Intl.NumberFormat(language.value));

export const sayNumber = (n: number): string => numbers.value.format(n);

// A moment of the server's, in Unix seconds.
export const sayTime = (seconds: number): string => new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);

// A price in its currency; without one it is a plain number.
export function sayPrice(price: number, currency: unknown): string {
    if (typeof currency === "string" && /^[A-Za-z]{3}$/.test(currency)) {
        return new Intl.NumberFormat(language.value, { style: "currency", currency }).format(price);
    }
    return sayNumber(price);
}

export const sayCount = (n: number): string => (n === 1 ? say("oneProduct") : say("products", { n: sayNumber(n) }));

// The server's word for a score, in the page's language.
const scoreWords: Record<string, Word> = {
    "nearly the same": "nearlySame",
    "very alike": "veryAlike",
    alike: "alike",
    "loosely alike": "looselyAlike",
    "not alike": "notAlike",
};

// And for a score that comes without its word.
export const sayAlike = (score: number): string =>
    say(score >= 90 ? "nearlySame" : score >= 75 ? "veryAlike" : score >= 50 ? "alike" : score >= 25 ? "looselyAlike" : "notAlike");

export function sayScore(word: string): string {
    const name = scoreWords[word];
    return name ? say(name) : word;
}
