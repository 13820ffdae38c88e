// What the tag itself says, in the language that it stands in.
export interface Heading {
    text: string;
    lang: string; // "" where the shop wrote it
}

export type Words = { en: string; ja: string };

export const SIMILAR: Words = { en: "Looks like this", ja: "見た目が似ている商品" };
export const FOR_YOU: Words = { en: "For you", ja: "あなたへのおすすめ" };

export function headingOf(own: string, words: Words, element: Element): Heading {
    const language = element.closest("[lang]")?.getAttribute("lang") ?? "";
    const lang = /^ja\b/i.test(language) ? "ja" : "en";
    return own !== "" ? { text: own, lang: "" } : { text: words[lang], lang };
}
